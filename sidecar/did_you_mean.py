"""Finds the known name that an unknown one is most similar to, for `did_you_mean` in errors."""

from collections.abc import Iterable

from sidecar import limits


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """Return the most similar of the known names, or None when none is similar."""
    from difflib import get_close_matches  # noqa: PLC0415 - 5 ms that only a wrong name needs

    found = get_close_matches(name[: limits.FIELD_NAME_MAX_CHARS], list(known), n=1, cutoff=0.6)
    return found[0] if found else None
