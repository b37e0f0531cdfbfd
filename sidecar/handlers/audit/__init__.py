"""The methods of the audit log."""
