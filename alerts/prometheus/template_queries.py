"""Queries inside alert templates, which Prometheus evaluates for each notification."""

from collections.abc import Iterable


def each(question: str, same: Iterable[str], heading: str, line: str, sorted_by: str = "") -> str:
    """Format a list with a line for every result; empty if there is none.

    The results are in the order of the query, or sorted by a label.
    """
    order = f' | sortByLabel "{sorted_by}"' if sorted_by else ""
    return (
        f"\n{{{{- with {_answers(question, same)}{order} }}}}"
        f"\n{heading}\n{{{{- range . }}}}\n- {line}\n{{{{- end }}}}\n{{{{- end }}}}"
    )


def answered(question: str, same: Iterable[str], label: str, words: str) -> str:
    """Format text about a label of the first result; empty if there is none."""
    named = f"{{{{ with first . | label `{label}` }}}}{words}{{{{ end }}}}"
    return f"{{{{ with {_answers(question, same)} }}}}{named}{{{{ end }}}}"


def _answers(question: str, same: Iterable[str]) -> str:
    """Fill in each `Same` label of the query, safely for any value."""
    arguments = " ".join(f"$labels.{label}" for label in same)
    return f"printf `{question}` {arguments} | query"
