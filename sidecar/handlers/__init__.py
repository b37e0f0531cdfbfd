"""The methods and the chores of the process, one module or package a noun.

`catalog.find_method` loads a handler module when a method of it is first called, and the module
`every` loads all of them. Each declares its methods and chores in the catalog. Handlers of
different nouns never import each other. A tool that follows import statements, as one that freezes
the program does, must be told of them.
"""
