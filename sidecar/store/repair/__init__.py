"""Finding damage in a database file, confirming it, and recovering what can be read."""
