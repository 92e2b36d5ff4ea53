"""Addresses are understood as libpq documents them, and show no secret."""

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.address import Address, AddressError, TextOrFile
from monitor.address.address import AS_STORED
from monitor.address.dsn import parse, split

SECRET = "s3cr3t-p4ss"
# Our own characters that stand for bytes are no text of a user's: see alerts/raw_text.py.
FOR_BYTES = "".join(map(chr, range(0x10FE80, 0x10FF00)))
VALUES = st.text(
    st.characters(exclude_characters="\0" + FOR_BYTES, exclude_categories=["Cs"]), min_size=1
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without any of the files that libpq looks for."""
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def percent_encoded(value: str) -> str:
    plain = string.ascii_letters + string.digits
    return "".join(c if c in plain else "".join(f"%{b:02X}" for b in c.encode()) for c in value)


def refusal(dsn: str) -> str:
    with pytest.raises(AddressError) as refused:
        Address.of(dsn, {}, TextOrFile("me")).target()
    return str(refused.value)


@given(st.dictionaries(st.sampled_from(["user", "password", "dbname", "host"]), VALUES))
def test_any_value_survives_quoting_in_key_value_form(options: dict[str, str]) -> None:
    """Blanks, quotes, backslashes and emoji arrive as they were meant."""
    assert parse(" ".join(f"{k} = {quoted(v)}" for k, v in options.items()) or " ") == options


@given(VALUES, VALUES, VALUES, VALUES)
def test_any_value_survives_percent_encoding(user: str, word: str, name: str, host: str) -> None:
    """Every part of a URI may hold every character, encoded."""
    parts = [percent_encoded(part) for part in (user, word, host, name)]
    parsed = parse("postgresql://{}:{}@{}/{}".format(*parts))
    assert parsed == {"user": user, "password": word, "host": host, "dbname": name}


@pytest.mark.parametrize(
    ("dsn", "hosts", "ports", "database"),
    [
        ("postgres://u@h/db", ("h",), (5432,), "db"),
        ("postgresql://u@h:6000", ("h",), (6000,), "postgres"),
        ("postgresql://u@a:1,b:2/db", ("a", "b"), (1, 2), "db"),
        ("postgresql://u@a,b/db?port=7", ("a", "b"), (7, 7), "db"),
        ("postgresql://u@[2001:db8::1]:6000/db", ("2001:db8::1",), (6000,), "db"),
        ("postgresql://u@%2Frun%2Fpg/db", ("/run/pg",), (5432,), "db"),
        ("postgresql://u@/db?host=/run/pg&port=6000", ("/run/pg",), (6000,), "db"),
        ("u@h:6000/db?sslmode=disable", ("h",), (6000,), "db"),
        ("host=a,b port=1,2 user=u", ("a", "b"), (1, 2), "postgres"),
        ("host=a hostaddr=10.0.0.1 user=u", ("10.0.0.1",), (5432,), "postgres"),
        ("user = u host='/run/p g'", ("/run/p g",), (5432,), "postgres"),
    ],
)
def test_every_spelling_leads_to_hosts_and_ports(
    dsn: str, hosts: tuple[str, ...], ports: tuple[int, ...], database: str
) -> None:
    """URIs and key=value pairs, several hosts, sockets and IPv6 are all read."""
    target = Address.of(dsn, {}).target()
    assert (target.hosts, target.ports, target.database) == (hosts, ports, database)
    assert target.user == "u"


@pytest.mark.parametrize(
    ("dsn", "name"),
    [
        ("postgres://u@db.example:6000/x", "db.example:6000"),
        ("postgres://u@[::1]/x", "[::1]:5432"),
        ("host=/run/pg port=6000 user=u", "/run/pg:6000"),
        ("postgres://u@%2Frun%2Fpg/x", "/run/pg:5432"),
        ("user=u", "localhost:5432"),
    ],
)
def test_an_address_is_called_by_host_and_port(dsn: str, name: str) -> None:
    """A server without a name of its own gets one that people recognise, and no other has."""
    assert Address.of(dsn, {}).target().name == name


@pytest.mark.parametrize(
    ("dsn", "part"),
    [
        (f"postgres://u:{SECRET}@x@h/db", "more than one @"),
        (f"postgres://u:{SECRET}/x@h/db", "are ambiguous"),
        (f"mysql://u:{SECRET}@h/db", "not with mysql://"),
        (f"password='{SECRET} host=h", "neither postgresql://"),
        (f"postgres://u:{SECRET}@h:70000/", "not a number from 1 to 65535"),
        (f"postgres://u:{SECRET}@a,b/?port=1,2,3", "has 2 hosts, but 3 ports"),
        (f"postgres://u:{SECRET}@h/?pool_size=5", "not supported: pool_size"),
        (f"postgres://u:{SECRET}@h/?nonsense", "name=value pairs"),
        (f"postgres://u:{SECRET}@h/?sslmode=no-verify", "sslmode is 'no-verify', but must be"),
        (f"postgres://u:{SECRET}@h/?gssencmode=require", "gssencmode is 'require'"),
        (
            f"postgres://u:{SECRET}@h/?sslrootcert=system&sslmode=require",
            "needs sslmode=verify-ful",
        ),
        (f"postgres://u:{SECRET}@h/?sslnegotiation=direct", "needs sslmode=require or more"),
        (f"postgres://u:{SECRET}@h/%00", "zero byte"),
        (f"host=@abstract password={SECRET}", "abstract namespace"),
        (f"host=h hostaddr=1.2.3.4 sslmode=verify-full password={SECRET}", "set only host"),
        (f"service=nowhere password={SECRET}", "The service nowhere is not defined"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_sentence(dsn: str, part: str) -> None:
    """The sentence says what is wrong and never repeats the password."""
    sentence = refusal(dsn)
    assert part in sentence
    assert sentence.endswith((".", "inside."))
    assert SECRET not in sentence


def test_an_address_never_shows_its_password() -> None:
    """Neither the address nor what is printed of its arguments tells a secret."""
    address = Address.of(
        f"postgres://u:{SECRET}@h", {"PGPASSWORD": SECRET}, password=TextOrFile(SECRET)
    )
    shown = f"{address} {address!r} {address.target()!r} {address.connect_arguments()!r}"
    assert SECRET not in shown


def test_variables_fill_what_the_address_leaves_out() -> None:
    """PG* variables count as with psql: less than the address, never instead of it."""
    environ = {"PGUSER": "u", "PGPASSWORD": "p", "PGPORT": "6000", "PGHOST": "other", "PGDATA": "x"}
    arguments = Address.of("host=h", environ).connect_arguments("shop")
    assert (arguments["host"], arguments["port"]) == (["h"], [6000])
    assert (arguments["user"], arguments["password"]()) == ("u", "p")
    assert arguments["database"] == "shop"


def test_client_options_are_left_out() -> None:
    """What asyncpg would send on to the server, which refuses it, never leaves us."""
    dsn = "postgres://u@h/?connect_timeout=3&channel_binding=prefer&keepalives=1&gssencmode=disable"
    address = Address.of(dsn, {"PGAPPNAME": "mine"})
    sent = address.connect_arguments()
    assert sent["server_settings"] == {"client_encoding": "SQL_ASCII"}
    assert not {"connect_timeout", "channel_binding", "keepalives", "gssencmode"} & sent.keys()


def test_start_up_options_travel_with_our_own_settings() -> None:
    """`options`, which some providers route by, and the session settings both reach the server."""
    arguments = Address.of("host=h user=u options='-c a.b=c'", {}).connect_arguments(
        server_settings={"jit": "off"}
    )
    assert arguments["server_settings"] == AS_STORED | {"options": "-c a.b=c", "jit": "off"}


def test_a_service_stands_between_address_and_variables(home: Path) -> None:
    """A service file may hold everything, even characters that other formats treat specially."""
    home.joinpath(".pg_service.conf").write_text(
        "# comment\n[other]\nhost=no\n\n[shop]\nhost=db\nport=6000\nuser=svc\npassword=5%$x=#y\n"
    )
    address = Address.of("service=shop port=7000", {"PGUSER": "me", "PGHOST": "no"})
    arguments = address.connect_arguments()
    assert (arguments["host"], arguments["port"], arguments["user"]) == (["db"], [7000], "svc")
    assert arguments["password"]() == "5%$x=#y"
    assert Address.of(None, {"PGSERVICE": "shop"}).target().hosts == ("db",)


def test_a_broken_service_file_is_named_by_line(home: Path) -> None:
    """The sentence leads to the line, without showing it."""
    home.joinpath("services").write_text(f"[shop]\nhost=h\n{SECRET}\n")
    with pytest.raises(AddressError, match=r"Line 3 of .*services is neither") as refused:
        Address.of("service=shop", {"PGSERVICEFILE": str(home / "services")}).target()
    assert SECRET not in str(refused.value)


def passfile(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def found(dsn: str, database: str | None = None) -> object:
    return Address.of(dsn, {}).connect_arguments(database)["password"]()


def test_the_password_file_is_matched_field_by_field(home: Path) -> None:
    """The first line that fits host, port, database and user wins; * fits all."""
    passfile(
        home / ".pgpass",
        "# h:5432:*:u:no\nh:5433:*:u:port\nh:*:shop:u:shop\\:\\\\1\nlocalhost:*:*:u:socket\n"
        "h:*:*:short\n*:*:*:u:any\n",
    )
    assert found("host=h user=u", "shop") == "shop:\\1"
    assert found("host=h user=u port=5433", "shop") == "port"
    assert found("host=h user=u") == "any"
    assert found("host=/run/pg user=u") == "socket"
    assert found("host=h user=other") is None
    assert found("host=h user=u password=own") == "own"


def test_a_password_file_that_others_can_read_is_left_out_and_said(home: Path) -> None:
    """As in libpq such a file is not used; here the reason can be logged."""
    file = passfile(home / "secret", "*:*:*:*:p", 0o644)
    address = Address.of(f"host=h user=u passfile={file}", {})
    assert address.connect_arguments()["password"]() is None
    expected = f"The password file {file} is ignored: others can read it, it needs mode 0600."
    assert address.target().warnings == (expected,)
    file.chmod(0o600)
    assert address.connect_arguments()["password"]() == "p"
    assert address.target().warnings == ()


def test_secrets_in_files_are_read_again_at_every_use(home: Path) -> None:
    """A rotated password or a moved server counts at the next connection."""
    dsn, user, word = home / "dsn", home / "user", home / "word"
    dsn.write_text("host=old\n")
    user.write_text("first\n")
    word.write_text(" one \n")
    address = Address.of(TextOrFile(file=dsn), {}, TextOrFile(file=user), TextOrFile(file=word))
    before = address.connect_arguments()
    assert (before["host"], before["user"], before["password"]()) == (["old"], "first", " one ")
    dsn.write_text("host=new")
    user.write_text("second")
    word.write_text("two")
    after = address.connect_arguments()
    assert (after["host"], after["user"], after["password"]()) == (["new"], "second", "two")
    word.unlink()
    with pytest.raises(FileNotFoundError):
        address.connect_arguments()


def test_a_list_of_servers_is_not_a_list_of_hosts() -> None:
    """Commas part servers only where a new connection string begins."""
    assert split("postgres://a,b/x,postgresql://c/y?port=1, postgres://d") == (
        "postgres://a,b/x",
        "postgresql://c/y?port=1",
        "postgres://d",
    )
    assert split("host=a,b user=u,host=c password='x,host=3'") == (
        "host=a,b user=u",
        "host=c password='x,host=3'",
    )
    assert split(" ") == ()
