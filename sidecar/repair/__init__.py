"""Checks, repairs and recovers the served database while other requests are served.

The checks and the salvaging of rows are in `store.repair`; this package calls them in steps,
between which other requests run. The methods and the chore that use this package are in
`handlers.system`.
"""
