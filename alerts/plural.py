"""Numbers with nouns: 1 session, 1,200 sessions."""


def plural(number: int, one: str, many: str | None = None) -> str:
    """Return the number with its noun; `many` is the plural if it is irregular."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
