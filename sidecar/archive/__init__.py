"""The format of a backup file: writing it, reading it, and rejecting what does not conform.

A backup is one file, which the ordinary zstd tool unpacks to a SQLite database: a skippable frame
with the manifest, then one frame of compressed data with its content size and a checksum. Every
size that a reader relies on is checked against a limit first. This package knows no SQL.
"""
