"""The local back end of a desktop workflow app: JSON-RPC on stdio over one SQLite file."""

__version__ = "0.1.0"
