"""The inspector: a page on loopback that shows what a sidecar is told, answers and keeps.

Only `sim-sidecar inspect` loads it. A serving process loads nothing of it and opens no socket.
"""
