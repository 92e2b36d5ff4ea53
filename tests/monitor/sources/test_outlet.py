"""The outlet of a server: a lack that lasts is no news."""

from typing import cast

from alerts.history.recorder import Recorder
from collectors._base import Absence
from collectors.backup_reports import backup_reports
from monitor.polling.answers import Answers
from monitor.polling.runner import CollectorRunner
from monitor.sources.outlet import Outlet


def test_the_same_lack_is_recorded_once() -> None:
    """Each record makes a new snapshot necessary, and sources are ticked every second."""
    answers = Answers(Recorder())
    outlet = Outlet(answers, cast("CollectorRunner", None))
    outlet.lack(Absence("no folder"), backup_reports)
    known = answers.version
    outlet.lack(Absence("no folder"), backup_reports)
    assert answers.version == known
    outlet.lack(Absence("a dead mount"), backup_reports)
    assert answers.version > known
    assert answers.absent[backup_reports] == Absence("a dead mount")
