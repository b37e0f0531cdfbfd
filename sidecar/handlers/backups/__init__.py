"""The methods of backups and the chore that makes automatic backups."""
