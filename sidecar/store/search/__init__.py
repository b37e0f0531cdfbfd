"""Search over workflows: the indexes, the query language, the hits and their excerpts."""
