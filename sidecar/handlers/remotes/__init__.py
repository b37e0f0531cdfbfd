"""The methods of remotes and the chore that pushes to them."""
