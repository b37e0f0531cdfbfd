"""The methods and chores of provider keys; their domain is `sidecar.secrets`.

Where secrets could not be overwritten in memory no module of this package can be loaded.
"""

from sidecar import wiping

wiping.prepare()
