"""Settings in the help of `pgvigil run` and on the generated page."""

from dataclasses import dataclass
from datetime import timedelta

from alerts.units import Bytes, Duration, Share, parse_bytes, parse_duration, parse_share
from monitor.config.model import settings_for
from monitor.config.reference import settings_of
from monitor.config.reference_page import configuration_page, options_help


@dataclass(frozen=True, slots=True)
class Limits:
    window: Duration = timedelta(days=35)
    """How long it must have
    been unused."""
    size: Bytes | None = 10 << 20
    """How large | it must be."""
    share: Share = 0.75
    """How full it may be."""
    writes: int = 1000
    """How much it must have cost."""


MADE_UP = settings_for({"index_unused": Limits()})
BY_PATH = {setting.path: setting for setting in settings_of(MADE_UP)}


def test_every_setting_is_described() -> None:
    """A field without a docstring would be a setting without an explanation."""
    assert [path for path, setting in BY_PATH.items() if not setting.description] == []


def test_no_setting_is_called_like_what_kubernetes_injects() -> None:
    """PGVIGIL_PORT* and PGVIGIL_SERVICE_* can be variables of a Kubernetes Service."""
    tops = {path.partition(".")[0].partition("_")[0] for path in BY_PATH}
    assert not tops & {"port", "service"}


def test_a_limit_is_listed_with_its_default_and_variable() -> None:
    """Defaults are shown in the form in which they can be set."""
    shown = {path: setting.default for path, setting in BY_PATH.items() if "findings." in path}
    assert shown == {
        "findings.index_unused.window": "35d",
        "findings.index_unused.size": "10MB",
        "findings.index_unused.share": "75%",
        "findings.index_unused.writes": "1000",
    }
    window = BY_PATH["findings.index_unused.window"]
    assert window.variable == "PGVIGIL_FINDINGS__INDEX_UNUSED__WINDOW"
    assert window.description == "How long it must have been unused."


def test_defaults_on_the_page_are_read_back() -> None:
    """Setting a default as it is shown gives the same value."""
    assert parse_duration(BY_PATH["findings.index_unused.window"].default) == Limits().window
    assert parse_bytes(BY_PATH["findings.index_unused.size"].default) == Limits().size
    assert parse_share(BY_PATH["findings.index_unused.share"].default) == Limits().share
    assert BY_PATH["listen"].default == "0.0.0.0:19187"


def test_the_page_holds_every_setting_in_a_valid_table() -> None:
    """A vertical bar inside a description is escaped."""
    page = configuration_page(MADE_UP)
    assert [path for path in BY_PATH if f"| `{path}` |" not in page] == []
    assert "### `index_unused`" in page
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert {row.replace("\\|", "").count("|") for row in rows} == {5}


def test_lists_and_placeholders_are_recognisable() -> None:
    """A placeholder for a name is in capitals; a list is set by one variable."""
    assert BY_PATH["servers.NAME.dsn"].variable == "PGVIGIL_SERVERS__NAME__DSN"
    assert BY_PATH["mute[].until"].variable == "PGVIGIL_MUTE"


def test_the_help_names_each_setting_on_one_short_line() -> None:
    """The help stays short, independent of the number of findings."""
    text = options_help(MADE_UP)
    assert [name for name in MADE_UP.model_fields if f"  {name} " not in text] == []
    assert len(text.splitlines()) < 45
    assert max(map(len, text.splitlines())) <= 100
