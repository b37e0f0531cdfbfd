"""The methods of the run history."""
