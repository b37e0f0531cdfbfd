"""The inspector: a page on loopback that shows a database, or the traffic of a host's sidecar.

Only `sim-sidecar inspect` loads this package. A serving process never loads it and opens no socket.
"""
