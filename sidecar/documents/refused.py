"""The exception for a file or a document that cannot be imported."""

from sidecar.vocabularies import ImportReason


class Refused(Exception):
    """One file or document cannot be imported; the others can."""

    def __init__(self, reason: ImportReason) -> None:
        """Store the reason."""
        super().__init__(reason)
        self.reason: ImportReason = reason
