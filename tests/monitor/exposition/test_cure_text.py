"""The cure in a message has the form of the program that it is pasted into."""

from alerts.findings.locks import lock_blocker_root
from alerts.findings.pooler import pooler_paused
from monitor.exposition.incident_texts import cure_text

CURE = ("-- Ask first.", "RESUME shop;")


def test_a_console_takes_no_comment_within_a_line() -> None:
    assert cure_text(pooler_paused.finding, CURE) == "-- Ask first.\nRESUME shop;"
    assert cure_text(lock_blocker_root.finding, CURE) == "/* Ask first. */ RESUME shop;"
