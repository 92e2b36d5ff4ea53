"""Passwords, headers and the rate limit, asked for by curl."""

import base64
from collections.abc import Mapping
from pathlib import Path

import bcrypt
import pytest

from monitor.web.security.guard import OPEN
from monitor.web.security.passwords import Passwords, credentials
from monitor.web.security.rate import Rate
from tests.fixtures.requirements import Tool
from tests.fixtures.until import until
from tests.fixtures.website import website, write

PAGES = ("/", "/metrics", "/findings", "/findings/idle_in_transaction", "/sd", "/nowhere")


def hashed(password: str, cost: int = 4) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(cost)).decode()


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


USERS = {"ann": hashed("secret"), "bob:": hashed("x"), "zoë": hashed("pässwörd")}


@pytest.fixture
def curl(tool: Tool) -> Path:
    return tool("curl")


async def test_pages_take_a_password(curl: Path, tmp_path: Path) -> None:
    """Each of them, in each way of not having one; an address that isn't there is no exception."""
    file = write(tmp_path / "web.yml", {"basic_auth_users": USERS})
    async with website(curl, file) as site:
        for page in PAGES:
            for wrong in ((), ("--user", "ann:wrong"), ("--user", "eve:secret")):
                answer = await site.curl(page, *wrong)
                assert answer.status == 401
                assert 'www-authenticate: Basic realm="pgvigil"' in answer.text
                assert "idle" not in answer.text
            expected = 404 if page == "/nowhere" else 200
            assert (await site.curl(page, "--user", "ann:secret")).status == expected
        assert (await site.curl("/", "--user", "zoë:pässwörd")).status == 200
        assert (await site.curl("/", "-H", "Authorization: Bearer secret")).status == 401


async def test_probes_take_none(curl: Path, tmp_path: Path) -> None:
    """The kubelet has no password; whether we live is all that it hears."""
    file = write(tmp_path / "web.yml", {"basic_auth_users": USERS})
    async with website(curl, file) as site:
        for page in sorted(OPEN):
            answer = await site.curl(page)
            assert answer.status in (200, 503)
            assert "pgvigil" in answer.text
        for path in ("//healthz", "/healthz/../metrics", "/healthz%2f..%2fmetrics", "/healthz/"):
            assert (await site.curl(path, "--path-as-is")).status == 401


async def test_a_changed_password_counts_at_once(curl: Path, tmp_path: Path) -> None:
    """No restart; a wrong file leaves the old one in force, and says so once it is right again."""
    file = write(tmp_path / "web.yml", {"basic_auth_users": USERS})
    async with website(curl, file) as site:
        assert (await site.curl("/", "--user", "ann:secret")).status == 200
        file.write_text("basic_auth_users: {ann: newer}")

        async def refused() -> bool:
            return not site.web.security.up_to_date

        await until(refused, "the wrong file is seen")
        assert (await site.curl("/", "--user", "ann:secret")).status == 200
        write(file, {"basic_auth_users": {"ann": hashed("newer")}})

        async def newer() -> bool:
            return (await site.curl("/", "--user", "ann:newer")).status == 200

        await until(newer, "the new password counts")
        assert site.web.security.up_to_date
        assert (await site.curl("/", "--user", "ann:secret")).status == 401


async def test_headers_are_added_and_left_out(curl: Path, tmp_path: Path) -> None:
    """On pages and refusals; a blank value takes ours away."""
    headers = {"Strict-Transport-Security": "max-age=600", "X-Frame-Options": ""}
    file = write(tmp_path / "web.yml", {"http_server_config": {"headers": headers}})
    async with website(curl, file) as site:
        for page in ("/", "/nowhere"):
            text = (await site.curl(page)).text.lower()
            assert "strict-transport-security: max-age=600" in text
            assert "x-frame-options" not in text
            assert "x-content-type-options: nosniff" in text


async def test_too_many_requests_come_later(curl: Path, tmp_path: Path) -> None:
    """All together, but not the probes: a busy dashboard must not have us restarted."""
    limit = {"interval": "1h", "burst": 2}
    file = write(tmp_path / "web.yml", {"rate_limit": limit})
    async with website(curl, file) as site:
        assert [(await site.curl("/metrics")).status for _ in range(3)] == [200, 200, 429]
        assert (await site.curl("/healthz")).status == 200


def test_the_bucket_fills_again() -> None:
    """One request for each interval that has passed, up to the burst."""
    now = [0.0]
    rate = Rate(0.5, 2, lambda: now[0])
    assert [rate.take() for _ in range(3)] == [True, True, False]
    now[0] = 0.5
    assert [rate.take() for _ in range(2)] == [True, False]
    now[0] = 60.0
    assert [rate.take() for _ in range(3)] == [True, True, False]


class Asked:
    """Writes down which hashes were computed, and computes them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.hashes: list[bytes] = []
        self.real = bcrypt.checkpw
        monkeypatch.setattr(bcrypt, "checkpw", self.check)

    def check(self, password: bytes, one: bytes) -> bool:
        self.hashes.append(one)
        return self.real(password, one)


async def test_time_does_not_tell_who_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checking an unknown user takes as long as the slowest known one."""
    asked = Asked(monkeypatch)
    passwords = Passwords({"ann": hashed("secret", 5)})
    assert not await passwords.right(basic("ann", "wrong"))
    assert not await passwords.right(basic("eve", "wrong"))
    assert [one[4:6] for one in asked.hashes] == [b"05", b"05"]


async def test_a_right_password_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scrape costs no hash; a wrong password costs one each time, and forgets nothing."""
    asked = Asked(monkeypatch)
    passwords = Passwords(USERS)
    for password in ("secret", "secret", "wrong", "wrong", "secret"):
        assert await passwords.right(basic("ann", password)) == (password == "secret")
    assert len(asked.hashes) == 3


async def test_long_passwords_are_taken_as_elsewhere() -> None:
    """Every program with bcrypt looks at 72 bytes; one more is no error."""
    long = "ä" * 40
    passwords = Passwords({"ann": hashed(long[:36])})
    assert await passwords.right(basic("ann", long))


OBSERVED: Mapping[str | None, object] = {
    None: None,
    "": None,
    "Basic": None,
    "Basic %%%": None,
    "Basic " + base64.b64encode(b"nocolon").decode(): None,
    "basic " + base64.b64encode(b"a:b:c").decode(): (b"a", b"b:c"),
    "Basic " + base64.b64encode(b"\xff\x00:\x00").decode(): (b"\xff\x00", b"\x00"),
    "Bearer " + base64.b64encode(b"a:b").decode(): None,
    "Basic ünïcode": None,
}


@pytest.mark.parametrize("header", OBSERVED)
async def test_whatever_is_sent_is_no_error(header: str | None) -> None:
    """It is a user and a password, or nothing at all."""
    assert credentials(header) == OBSERVED[header]
    assert not await Passwords(USERS).right(header)
