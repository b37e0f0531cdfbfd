"""The methods and chores of provider keys; their domain is `sidecar.secrets`."""
