"""The descriptions of the tools whose workflow documents the program recognises.

Each tool has a file that says how its documents are recognised, by their members and never by the
name of a file, and where their title, steps, links and layout lie. `table` lists them. A further
tool is a file here and a row there.
"""
