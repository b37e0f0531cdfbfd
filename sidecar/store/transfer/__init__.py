"""Moves data between database files.

`snapshot` copies the served database, `examine` checks a file of another origin, and `carry_over`
gives the database of a backup what a restore takes from the live one.
"""
