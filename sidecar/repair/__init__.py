"""Checking, mending and recovering the served database while other requests are served.

What is checked and how rows are salvaged is in `store.repair`; this package calls it in steps,
between which requests have their turn. The methods and the chore that use it are in
`handlers.system`.
"""
