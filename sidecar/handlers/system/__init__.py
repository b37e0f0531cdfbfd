"""The methods of the process and of its database file."""
