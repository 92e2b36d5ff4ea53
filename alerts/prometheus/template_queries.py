"""Questions inside a message: Prometheus answers them whenever it tells of the alert."""

from collections.abc import Iterable


def each(question: str, same: Iterable[str], heading: str, line: str, sorted_by: str = "") -> str:
    """A list with a line for every answer; nothing where there is none.

    Answers come as the question orders them; where it does not, by a label.
    """
    order = f' | sortByLabel "{sorted_by}"' if sorted_by else ""
    return (
        f"\n{{{{- with {_answers(question, same)}{order} }}}}"
        f"\n{heading}\n{{{{- range . }}}}\n- {line}\n{{{{- end }}}}\n{{{{- end }}}}"
    )


def first(question: str, same: Iterable[str], words: str, otherwise: str = "") -> str:
    """Words about the first answer, within a line; others where there is none."""
    rest = f"{{{{ else }}}}{otherwise}" if otherwise else ""
    return (
        f"{{{{ with {_answers(question, same)} }}}}"
        f"{{{{ with first . }}}}{words}{{{{ end }}}}{rest}{{{{ end }}}}"
    )


def _answers(question: str, same: Iterable[str]) -> str:
    """Each `Same` label of the question is filled in, hostile or not."""
    arguments = " ".join(f"$labels.{label}" for label in same)
    return f"printf `{question}` {arguments} | query"
