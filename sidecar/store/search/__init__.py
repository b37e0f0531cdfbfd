"""Search over workflows: the indexes, the query language, the hits and their excerpts.

- `indexes`: brings the full-text indexes up to date with the workflows.
- `query`: parses a query into what each index is asked for.
- `hits`: finds the workflows that a query asks for, in order.
- `pages`: pages of a search, and the order that is remembered between them.
- `excerpts`: finds the words of a query in a header and cuts a snippet around them.
- `spelling`: suggests indexed words for a query that found nothing.
- `compare_index`: checks the indexes against the workflows.
"""
