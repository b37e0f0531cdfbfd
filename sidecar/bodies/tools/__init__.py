"""What the program knows of the tools whose workflow documents it keeps.

Each tool has a file that says how its documents are recognised, by their members and never by the
name of a file, and where their title, steps, links and layout lie. `table` lists them. A further
tool is a file here and a row there.
"""
