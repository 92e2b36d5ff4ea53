"""The sentence about a name that is not known, with the known one that is nearest to it."""

from collections.abc import Iterable
from difflib import get_close_matches


def unknown_name(kind: str, name: str, known: Iterable[str], otherwise: str = "") -> str:
    """Return `there is no finding called x.`, then the nearest known name, or how to list them."""
    near = get_close_matches(name, list(known), 1)
    hint = f"Did you mean {near[0]}?" if near else otherwise
    return f"there is no {kind} called {name}. {hint}".rstrip()
