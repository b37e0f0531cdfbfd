"""The tables of workflows: one module a verb, one function a statement or a few that belong.

`header` finds one, `save` writes, `pages` lists, `labels` counts and renames tags and
categories, `remove` archives and deletes. All take the caller's connection and run inside the
caller's transaction. None parses a body.
"""
