"""Keys and sealed bytes: slots, data keys, records, the state root and what is unlocked now.

Knows neither SQL nor files nor the wire. Formats stand in `schema/security.md`, with test vectors
beside it; the modules here are their source.
"""
