"""The methods of workflows, one module a verb or several that belong together.

`views` holds the structs that several answers share, `checks` the tests that several methods
make of their params. The chores are in `automatic`.
"""
