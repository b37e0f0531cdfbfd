"""Reads workflow bodies: finds their nodes, extracts their text, compares two of them.

All functions are pure. The product stores bodies byte for byte and requires
no shape of them. The shapes of five tools and of the app itself are known here only to make search
and diff better; a body of any other shape is read generically.

- `depth`: finds out whether a text nests too deep, before anything is decoded.
- `parse`: returns the value of a body, with numbers of any size.
- `nodes`: finds the nodes of a body and their names, kinds and settings.
- `text`: extracts the text that a search should find.
- `difference`: compares two bodies by node and setting.
"""
