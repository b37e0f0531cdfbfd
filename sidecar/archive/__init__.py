"""The form of a backup file: how one is written, read, measured and refused. Knows no SQL.

One file, which the ordinary zstd tool unpacks to a SQLite database: a skippable frame with a
manifest, then one frame with content size and checksum. Everything a reader goes by is bounded
before it is believed.
"""
