"""Settings of roles and databases that were changed, as clues for another plan."""

from alerts.history.memory import Memory, Namespace
from alerts.plans.events import RoleSettingEvent, RoleSettingEvents, RoleSettingEventsRecorder
from collectors._base import Answer
from collectors.role_settings import RoleSetting, role_settings

OFF = RoleSetting("app", "", "enable_indexscan", is_off=True, value="off")
MEMORY = RoleSetting("app", "shop", "work_mem", is_off=False, value="64MB")
SECRET = RoleSetting("app", "", "app.token", is_off=False, value=None)


def learned(*looks: list[RoleSetting]) -> tuple[RoleSettingEvent, ...]:
    recorder = RoleSettingEvents().recorder(Memory(), Namespace("c", "it", ""))
    for place, rows in enumerate(looks):
        recorder.learn(role_settings, Answer(rows, 300.0 * place))
    return recorder.view(300.0 * len(looks))


def test_what_was_there_before_is_no_event() -> None:
    assert learned([OFF, SECRET], [OFF]) == ()


def test_what_is_set_changed_or_reset_is_one() -> None:
    [set_] = learned([], [OFF])
    assert set_ == RoleSettingEvent(300.0, 0.0, "enable_indexscan", None, "off", "app", "")
    smaller = RoleSetting("app", "shop", "work_mem", is_off=False, value="64kB")
    [changed] = learned([MEMORY], [smaller])
    assert (changed.old, changed.new, changed.datname) == ("64MB", "64kB", "shop")
    [reset] = learned([MEMORY], [])
    assert (reset.old, reset.new) == ("64MB", None)


def test_what_is_set_back_is_none_any_more() -> None:
    assert learned([], [OFF], []) == ()
    assert learned([MEMORY], [], [MEMORY]) == ()


def test_a_restart_begins_anew() -> None:
    recorder = RoleSettingEventsRecorder()
    recorder.learn(role_settings, Answer([], 0.0))
    recorder.restart()
    recorder.learn(role_settings, Answer([OFF], 300.0))
    assert recorder.view(300.0) == ()
