"""Loading settings from flags, variables, a file and well-known names; one message per error."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts.units import Bytes, Duration
from monitor.config.endpoint import Endpoint
from monitor.config.errors import ConfigurationError
from monitor.config.load import load
from monitor.config.model import settings_for, settings_type
from monitor.config.poolers import pooler_plans
from monitor.config.servers import WatchedServer, watched_servers
from monitor.config.settings import Settings
from monitor.config.watch_plan import plans

SECRET = "s3cr3t-p4ss"
DSN = {"PGVIGIL_DSN": f"postgres://u:{SECRET}@db.example/shop"}
NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Limits:
    window: Duration = timedelta(days=35)
    """How long it must have been unused."""
    size: Bytes = 10 << 20
    """How large it must be to matter."""
    writes: int = 1000
    """How much it must have cost."""


MADE_UP = settings_for({"index_unused": Limits(), "other_one": Limits(writes=1)})


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "pgvigil.yaml"


def limits(settings: Settings, finding: str = "index_unused") -> Limits:
    found: Limits = getattr(settings.findings, finding)
    return found


def loaded(environ: Mapping[str, str] = NOTHING, flags: Mapping[str, str] = NOTHING) -> Settings:
    return load(flags, {**DSN, **environ}, MADE_UP)


def refusal(environ: Mapping[str, str], flags: Mapping[str, str] = NOTHING) -> str:
    with pytest.raises(ConfigurationError) as refused:
        load(flags, environ, MADE_UP)
    assert SECRET not in str(refused.value)
    return str(refused.value)


def lone(environ: Mapping[str, str], flags: Mapping[str, str] = NOTHING) -> WatchedServer:
    (server,) = watched_servers(load(flags, environ), environ).values()
    return server


def login(environ: Mapping[str, str]) -> tuple[object, ...]:
    """Host, user, password and name of the one server."""
    server = lone(environ)
    arguments = server.address.connect_arguments()
    return arguments["host"], arguments["user"], arguments["password"](), server.name


def test_an_address_alone_is_enough() -> None:
    """Everything else has a default."""
    settings = loaded()
    assert settings.listen == (Endpoint("0.0.0.0", 19187),)
    assert (settings.paces.fast, settings.budget) == (timedelta(seconds=1), 0.01)
    assert settings.state_file is None
    assert limits(settings) == Limits()


def test_flags_take_precedence_over_variables_and_they_over_the_file(file: Path) -> None:
    """Each source changes what it names and leaves the rest of a section to the next."""
    file.write_text("paces: {fast: 2s, normal: 20s, table: 40s}\nbudget: 2%\n")
    variables = {"PGVIGIL_CONFIG": str(file), "PGVIGIL_PACES__NORMAL": "21s"}
    settings = loaded(variables | {"PGVIGIL_PACES__TABLE": "41s"}, {"paces.table": "42s"})
    seconds = [settings.paces.fast, settings.paces.normal, settings.paces.table]
    assert [pace.total_seconds() for pace in seconds] == [2, 21, 42]
    assert (settings.paces.slow, settings.budget) == (timedelta(minutes=5), 0.02)


def test_limits_of_a_finding_are_changed_one_by_one(file: Path) -> None:
    """A variable and the file can each change one limit; the others keep their defaults."""
    file.write_text("findings:\n  index_unused:\n    size: 1GB\n")
    settings = loaded({"PGVIGIL_FINDINGS__INDEX_UNUSED__WINDOW": "7d"}, {"config": str(file)})
    assert limits(settings) == Limits(timedelta(days=7), 1 << 30, 1000)
    assert limits(settings, "other_one") == Limits(writes=1)


def test_lists_are_written_with_commas_or_as_json() -> None:
    """Both are natural in a variable."""
    first = loaded({"PGVIGIL_LISTEN": "[2001:db8::1]:80"})
    assert [str(one) for one in first.listen] == ["[2001:db8::1]:80"]
    commas = loaded({"PGVIGIL_LISTEN": "127.0.0.1:0, [::1]:5,:6"})
    assert commas.listen == (Endpoint("127.0.0.1", 0), Endpoint("::1", 5), Endpoint("0.0.0.0", 6))
    json = loaded({"PGVIGIL_DATABASES__EXCLUDE": '["a,b", "c*"]'})
    assert json.databases.exclude == ("a,b", "c*")


def test_a_mute_ends_at_the_start_of_its_day() -> None:
    """`until` is the first day on which the mute no longer applies, in UTC."""
    text = '[{"finding": "index_*", "subject": "public.x", "until": "2026-01-02", "why": "report"}]'
    (muting,) = loaded({"PGVIGIL_MUTE": text}).mute
    mute = muting.mute()
    assert (mute.finding, mute.subject, mute.database) == ("index_*", "public.x", "*")
    assert (mute.until, mute.why) == (1767312000, "report")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "PACES__FAST",
            "soon",
            "paces.fast: 'soon' is not a duration such as 250ms, 15s, 5m, 1h30m or 35d.",
        ),
        ("PACES__FAST", "0", "paces.fast: it must be from 100 ms to 7 days."),
        (
            "PACES__FATS",
            "1s",
            "There is no setting paces.fats (PGVIGIL_PACES__FATS); did you mean paces.fast?",
        ),
        ("LISTEN_PORT", "80", "There is no setting listen_port (PGVIGIL_LISTEN_PORT)."),
        ("NON__SENSE", "1", "There is no setting non (PGVIGIL_NON__SENSE)."),
        (
            "FINDINGS__INDEX_UNUSED__SIZE",
            "big",
            "findings.index_unused.size: 'big' is not a number of bytes such as 512kB, 10MB or"
            " 1GB.",
        ),
        (
            "FINDINGS__INDEX_UNUSED__WRITES",
            "many",
            "findings.index_unused.writes: 'many' must be a valid integer, unable to parse string"
            " as an integer.",
        ),
        (
            "FINDINGS__INDEX_UNUSED__WINDOWS",
            "1d",
            "There is no setting findings.index_unused.windows"
            " (PGVIGIL_FINDINGS__INDEX_UNUSED__WINDOWS); did you mean"
            " findings.index_unused.window?",
        ),
        ("BUDGET", "200%", "budget: '200%' is not a share such as 75% or 0.75."),
        ("LISTEN", "nowhere", "listen: 'nowhere' is not host:port, such as 127.0.0.1:19187."),
        ("MUTE", "index", "mute[0]: it is not JSON: Expecting value at character 1."),
        ("MUTE", '[{"finding": "index_*"}]', "mute[0].why is missing."),
        ("PACES", "5", "paces: 5 must be a mapping of settings."),
        ("PACES__FAST", "1us", "paces.fast: it must be from 100 ms to 7 days."),
        ("PACES__DAILY", "8d", "paces.daily: it must be from 100 ms to 7 days."),
        ("LOG_LEVEL", "x", "log_level: 'x' must be 'debug', 'info', 'warning' or 'error'."),
        (
            "PAGES",
            "perhaps",
            "pages: 'perhaps' must be a valid boolean, unable to interpret input.",
        ),
        (
            "SERVERS",
            f'{{"a": "postgres://u:{SECRET}@h"}}',
            "servers.a: the value must be a mapping of settings.",
        ),
        (
            "LISTEN",
            f"postgres://u:{SECRET}@h",
            "listen: 'postgres://…@h' is not host:port, such as 127.0.0.1:19187.",
        ),
        ("DSN_FILE", "/x", "dsn and dsn_file are both set, keep one of them."),
        (
            "SERVERS__A__DSN",
            "host=a",
            "dsn and servers are both set, move the server of dsn into servers.",
        ),
        (
            "CONFIG",
            "/no/where",
            "The configuration /no/where can't be read: no such file or directory.",
        ),
    ],
)
def test_a_wrong_setting_gets_one_sentence(name: str, value: str, sentence: str) -> None:
    """It names the field, the value unless it may be secret, and what is expected."""
    assert refusal({**DSN, f"PGVIGIL_{name}": value}) == sentence


def test_of_several_wrong_settings_the_first_is_explained() -> None:
    """The others are counted, so that the next error is no surprise."""
    wrong = {"PGVIGIL_BUDGET": "2", "PGVIGIL_PAGES": "perhaps", "PGVIGIL_LOG_LEVEL": "x"}
    sentence = "budget: '2' is not a share such as 75% or 0.75 (2 more settings are wrong)."
    assert refusal({**DSN, **wrong}) == sentence


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (f"dsn: [{SECRET}", "is not YAML at line "),
        ("- dsn", "is not a mapping of settings."),
        ("config: other.yaml", "can't name another configuration file."),
        (f"password: [{SECRET}]\ndsn: host=h", "password: the value must be text"),
        (f"servers: {{a: {{passwort: {SECRET}}}}}", "did you mean servers.NAME.password?"),
        (f"servers: {{a: {{dsn: 'postgres://u:{SECRET}@h/?x=1'}}}}", "servers.a: The address has"),
        ("servers: {a: {dsn_file: /no/where}}", "servers.a: /no/where can't be read"),
    ],
)
def test_a_wrong_file_gets_one_sentence(file: Path, text: str, part: str) -> None:
    """Also if the file can't be read at all; the sentence never contains a secret."""
    file.write_text(text)
    assert part in refusal({}, {"config": str(file)})


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_a_limit_is_a_finite_number(value: str) -> None:
    """Nothing is more than it, or less: the finding would never speak."""
    with pytest.raises(ConfigurationError, match=r"wal_directory_size\.times: .* finite number"):
        load({"findings.wal_directory_size.times": value}, DSN, settings_type())


def test_a_server_has_a_name() -> None:
    """It is a label; an empty one is none for Prometheus."""
    named = {"PGVIGIL_SERVERS": '{" ": {"dsn": "host=db1"}}'}
    assert refusal(named) == "servers: the name of a server must not be empty."


def test_variables_that_kubernetes_injects_for_services_are_ignored() -> None:
    """A Service named pgvigil, or pgvigil-something, must not prevent the start."""
    links = {
        "PGVIGIL_PORT": "tcp://10.0.0.1:19187",
        "PGVIGIL_PORT_19187_TCP_ADDR": "10.0.0.1",
        "PGVIGIL_SERVICE_HOST": "10.0.0.1",
        "PGVIGIL_SERVICE_PORT_METRICS": "19187",
        "PGVIGIL_PROD_SERVICE_HOST": "10.0.0.2",
        "PGVIGIL_PROD_PORT_19187_TCP": "tcp://10.0.0.2:19187",
    }
    assert loaded(links) == loaded()
    refused = refusal({**DSN, "PGVIGIL_PROD_PORT": "1"})
    assert refused == "There is no setting prod_port (PGVIGIL_PROD_PORT)."


def test_nothing_configured_says_how_to_begin() -> None:
    """Without any server, the message shows which setting to begin with."""
    assert "PGVIGIL_DSN=postgresql://" in refusal({})


def test_poolers_can_be_watched_alone() -> None:
    flags = {"poolers.main.dsn": "host=pool user=stats"}
    settings = load(flags, {})
    assert watched_servers(settings, {}) == {}
    assert [plan.name for plan in pooler_plans(settings, {})] == ["main"]


def test_a_flag_points_at_one_server_whatever_else_is_configured(file: Path) -> None:
    """`check --dsn` must not look at the whole fleet."""
    file.write_text("servers: {a: {dsn: host=a}}\npaces: {fast: 2s}\n")
    environ = {"PGVIGIL_CONFIG": str(file), "PGVIGIL_DSN": "host=other"}
    assert lone(environ, {"dsn": "host=mine"}).name == "mine:5432"


def test_several_servers_have_names_clusters_and_databases(file: Path) -> None:
    """A server uses the general settings unless it has its own."""
    file.write_text(
        "databases: {exclude: [old_*]}\n"
        "servers:\n"
        "  a: {dsn: host=a, cluster: shop}\n"
        "  b: {dsn: host=b, databases: {include: shop}, password_file: /dev/null}\n"
    )
    environ = {"PGVIGIL_CONFIG": str(file), "PGUSER": "watch", "PGVIGIL_SERVERS__B__CLUSTER": "x"}
    servers = watched_servers(load({}, environ), environ)
    assert [(s.name, s.cluster) for s in servers.values()] == [("a", "shop"), ("b", "x")]
    assert servers["a"].address.target().user == "watch"
    visited = ("shop", "old_shop", "rdsadmin")
    assert [servers["a"].visits(name) for name in visited] == [True, False, False]
    assert [servers["b"].visits(name) for name in visited] == [True, False, False]
    assert not servers["b"].visits("other")
    assert [one.included for one in servers.values()] == [(), ("shop",)]


def test_databases_by_name_are_told_from_patterns() -> None:
    """Names that are said of all servers may each be on another one."""
    databases = {"include": ["shop", "x*", "old", "rdsadmin"], "exclude": ["old"]}
    two = {"a": {"dsn": "host=a"}, "b": {"dsn": "host=b"}}
    given: dict[str, Any] = {"databases": databases, "servers": two}
    for one in watched_servers(load(given, {}), {}).values():
        assert (one.included, one.shares_patterns) == (("shop",), True)
    [before, _] = plans(load(given, {}), {})
    given["servers"] = {"a": {"dsn": "host=a"}}
    settings = load(given, {})
    [one] = watched_servers(settings, {}).values()
    assert not one.shares_patterns
    [after] = plans(settings, {})
    assert after.same_watch(before), "a server that is added does not end the sessions of others"


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"PGVIGIL_DSN": "host=h", "POD_NAME": "pod-0", "PGVIGIL_SERVER_NAME": "mine"}, "mine"),
        ({"PGVIGIL_DSN": "host=h", "POD_NAME": "pod-0"}, "pod-0"),
        ({"PGVIGIL_DSN": "host=h"}, "h:5432"),
    ],
)
def test_a_lone_server_is_called_by_setting_pod_or_address(
    environ: dict[str, str], name: str
) -> None:
    """In this order, so that alerts keep their labels when a pod moves."""
    assert lone(environ).name == name


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"DATABASE_URL": "postgres://u:p@h/x"}, (["h"], "u", "p", "h:5432")),
        ({"DATA_SOURCE_NAME": "user=u password=p host=h"}, (["h"], "u", "p", "h:5432")),
        (
            {"DATA_SOURCE_URI": "h:6000/x?sslmode=disable", "DATA_SOURCE_USER": "u"}
            | {"DATA_SOURCE_PASS": "p"},
            (["h"], "u", "p", "h:6000"),
        ),
        ({"PGHOST": "h", "PGUSER": "u", "PGPASSWORD": "p"}, (["h"], "u", "p", "h:5432")),
        (
            {"POSTGRES_USER": "u", "POSTGRES_PASSWORD": "p", "POD_NAME": "pg-0"},
            (["localhost"], "u", "p", "pg-0"),
        ),
        (
            {"POSTGRES_USER": "u", "POSTGRES_PASSWORD": "p", "PGHOST": "h"},
            (["h"], "u", "p", "h:5432"),
        ),
        (
            {"DATABASE_URL": "host=no", "PGVIGIL_DSN": "host=h user=u password=p"},
            (["h"], "u", "p", "h:5432"),
        ),
        (
            {"DATABASE_URL": "host=no", "DATA_SOURCE_NAME": "host=h user=u password=p"},
            (["h"], "u", "p", "h:5432"),
        ),
        (
            {"DATABASE_URL": "host=h user=u password=no", "PGVIGIL_PASSWORD": "p"},
            (["h"], "u", "p", "h:5432"),
        ),
        (
            {"DATA_SOURCE_URI": "no", "DATA_SOURCE_USER": "no", "DATA_SOURCE_PASS": "no"}
            | {"PGVIGIL_DSN": "host=h user=u password=p"},
            (["h"], "u", "p", "h:5432"),
        ),
        (
            {"DATA_SOURCE_URI": "h", "DATA_SOURCE_USER": "u", "DATA_SOURCE_PASS_FILE": "/no/where"}
            | {"PGVIGIL_PASSWORD": "p"},
            (["h"], "u", "p", "h:5432"),
        ),
        (
            {"PGHOST": "h", "PGUSER": "u", "PGPASSWORD": "p"}
            | {"POSTGRES_USER": "no", "POSTGRES_PASSWORD": "no"},
            (["h"], "u", "p", "h:5432"),
        ),
    ],
)
def test_names_that_people_already_have_work(
    environ: dict[str, str], expected: tuple[object, ...]
) -> None:
    """The precedence is: PGVIGIL_*, DATA_SOURCE_*, DATABASE_URL, PG*, POSTGRES_*."""
    assert login(environ) == expected


def test_file_forms_are_read_at_every_connection(tmp_path: Path) -> None:
    """A changed file takes effect at the next connection, without a restart."""
    uri, user, word = tmp_path / "uri", tmp_path / "user", tmp_path / "pass"
    uri.write_text("h/x\n")
    user.write_text("u\n")
    word.write_text("one\n")
    environ = {
        "DATA_SOURCE_URI_FILE": str(uri),
        "DATA_SOURCE_USER_FILE": str(user),
        "DATA_SOURCE_PASS_FILE": str(word),
    }
    server = lone(environ)
    assert server.address.connect_arguments()["password"]() == "one"
    word.write_text("two\n")
    arguments = server.address.connect_arguments()
    assert (arguments["host"], arguments["user"], arguments["password"]()) == (["h"], "u", "two")


def test_a_list_in_data_source_name_is_several_servers() -> None:
    """Each is named by its host and port; a duplicate is refused."""
    environ = {"DATA_SOURCE_NAME": f"postgres://u:{SECRET}@a/x,postgres://u:{SECRET}@b:6000/x"}
    assert list(watched_servers(load({}, environ), environ)) == ["a:5432", "b:6000"]
    twice = {"DATA_SOURCE_NAME": f"postgres://u:{SECRET}@a/x,postgres://u:{SECRET}@a/y"}
    assert refusal(twice).startswith("DATA_SOURCE_NAME: a:5432 is listed twice")
    assert refusal({"DATABASE_URL": f"postgres://u:{SECRET}@x@h"}).startswith("DATABASE_URL: ")


def test_settings_never_show_a_password() -> None:
    """Logging the settings or a server reveals no secret."""
    settings = loaded({"PGVIGIL_PASSWORD": SECRET})
    servers = watched_servers(settings, DSN)
    assert SECRET not in f"{settings!r} {settings} {settings.model_dump()} {servers}"


def test_settings_read_no_variable_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """USER and PASSWORD in the environment are ignored."""
    monkeypatch.setenv("USER", "other")
    monkeypatch.setenv("PASSWORD", SECRET)
    assert Settings().user is None
    assert Settings().password is None
