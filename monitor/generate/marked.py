"""Files of which only the end is generated, below a line that says so."""


class MarkerMissing(ValueError):
    """A file that is generated in part does not say where that part begins."""


def by_hand(text: str, mark: str, path: str) -> str:
    """Return the text up to the mark, and with it. Raises MarkerMissing.

    Without the mark what was generated can't be told from what is written by hand.
    """
    written, found, _ = text.partition(mark)
    if not found:
        raise MarkerMissing(f"{path} has lost the line above its generated end: {mark.strip()!r}")
    return written + found
