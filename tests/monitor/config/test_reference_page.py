"""The settings explain themselves, in the help of the command and on a generated page."""

from dataclasses import dataclass
from datetime import timedelta

from alerts.units import Bytes, Duration, Share, parse_bytes, parse_duration, parse_share
from monitor.config.model import settings_for
from monitor.config.reference import settings_of
from monitor.config.reference_page import configuration_page, options_help


@dataclass(frozen=True, slots=True)
class Limits:
    window: Duration = timedelta(days=35)
    """How long nobody may have
    used it."""
    size: Bytes | None = 10 << 20
    """How large | it must be."""
    share: Share = 0.75
    """How full it may be."""
    writes: int = 1000
    """How much it must have cost."""


MADE_UP = settings_for({"index_unused": Limits()})
BY_PATH = {setting.path: setting for setting in settings_of(MADE_UP)}


def test_every_setting_is_described() -> None:
    """A field without its docstring would be a setting that nobody can use."""
    assert [path for path, setting in BY_PATH.items() if not setting.description] == []


def test_no_setting_is_called_like_what_kubernetes_injects() -> None:
    """PGVIGIL_PORT* and PGVIGIL_SERVICE_* are not ours."""
    tops = {path.partition(".")[0].partition("_")[0] for path in BY_PATH}
    assert not tops & {"port", "service"}


def test_a_limit_is_listed_with_its_default_and_variable() -> None:
    """Defaults are written as they can be set."""
    shown = {path: setting.default for path, setting in BY_PATH.items() if "findings." in path}
    assert shown == {
        "findings.index_unused.window": "35d",
        "findings.index_unused.size": "10MB",
        "findings.index_unused.share": "75%",
        "findings.index_unused.writes": "1000",
    }
    window = BY_PATH["findings.index_unused.window"]
    assert window.variable == "PGVIGIL_FINDINGS__INDEX_UNUSED__WINDOW"
    assert window.description == "How long nobody may have used it."


def test_defaults_on_the_page_are_read_back() -> None:
    """What is shown as a default means the default when it is set."""
    assert parse_duration(BY_PATH["findings.index_unused.window"].default) == Limits().window
    assert parse_bytes(BY_PATH["findings.index_unused.size"].default) == Limits().size
    assert parse_share(BY_PATH["findings.index_unused.share"].default) == Limits().share
    assert BY_PATH["listen"].default == "0.0.0.0:19187"


def test_the_page_holds_every_setting_in_a_valid_table() -> None:
    """A bar inside a description doesn't break its row."""
    page = configuration_page(MADE_UP)
    assert [path for path in BY_PATH if f"| `{path}` |" not in page] == []
    assert "### `index_unused`" in page
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert {row.replace("\\|", "").count("|") for row in rows} == {5}


def test_lists_and_names_of_ones_own_are_recognisable() -> None:
    """What stands for a name is in capitals; a list is set by one variable."""
    assert BY_PATH["servers.NAME.dsn"].variable == "PGVIGIL_SERVERS__NAME__DSN"
    assert BY_PATH["mute[].until"].variable == "PGVIGIL_MUTE"


def test_the_help_names_each_setting_on_one_short_line() -> None:
    """However many findings there are, the help fits on a screen."""
    text = options_help(MADE_UP)
    assert [name for name in MADE_UP.model_fields if f"  {name} " not in text] == []
    assert len(text.splitlines()) < 40
    assert max(map(len, text.splitlines())) <= 100
