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


def answered(question: str, same: Iterable[str], label: str, words: str) -> str:
    """Words about a label of the first answer; nothing where there is none."""
    named = f"{{{{ with first . | label `{label}` }}}}{words}{{{{ end }}}}"
    return f"{{{{ with {_answers(question, same)} }}}}{named}{{{{ end }}}}"


def _answers(question: str, same: Iterable[str]) -> str:
    """Each `Same` label of the question is filled in, hostile or not."""
    arguments = " ".join(f"$labels.{label}" for label in same)
    return f"printf `{question}` {arguments} | query"
