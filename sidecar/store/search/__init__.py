"""Search over workflows: the indexes, the query language, the hits and their excerpts.

- `indexes`: brings the full-text indexes up to date with the workflows.
- `query`: parses a query into the terms that each index is asked for.
- `hits`: finds the workflows that a query asks for, a page at a time.
- `body_lines`: compares a query with the text of a body where no index can.
- `excerpts`: finds the words of a query in a header and cuts a snippet around them.
- `spelling`: suggests indexed words for a query that found nothing.
- `compare_index`: checks the index of bodies against the workflows.
"""
