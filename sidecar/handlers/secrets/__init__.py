"""The methods of provider keys."""
