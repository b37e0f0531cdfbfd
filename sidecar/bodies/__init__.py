"""What a workflow's body says to a person: its nodes, its text, the difference of two.

Pure functions over decoded JSON. The product keeps bodies byte for byte and requires no shape of
them; what is known here of the shapes of five tools and of the app's own only makes search and
diff better. A body of any other shape is read generically.
"""
