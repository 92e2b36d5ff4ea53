"""What the documentation says is so: commands run, settings load, and every name exists."""

import asyncio
import contextlib
import os
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import monitor.commands
from alerts._catalogue import all_findings
from alerts.prometheus import own_metrics
from alerts.prometheus.own_metrics import OwnMetric
from alerts.prometheus.rule import alert_name
from alerts.prometheus.rulebook import all_watchdogs
from collectors._catalogue import discover
from monitor.cli import parser_for
from monitor.config.load import load
from monitor.config.model import settings_type
from monitor.config.servers import watched_servers
from tests.fixtures.kubernetes import Helm, helm
from tests.fixtures.postgres import PrivateServers, Psql
from tests.fixtures.requirements import Tool

__all__ = ["helm"]

HOUSE = Path(__file__).parents[2]
DOCS = HOUSE / "docs"
PAGES = sorted([*DOCS.glob("*.md"), HOUSE / "README.md"])
BY_HAND = [page for page in PAGES if "Generated from" not in page.read_text()[:200]]
EXAMPLES = sorted(
    path
    for path in (HOUSE / "deploy").rglob("*")
    if path.is_file() and path.suffix in {".yaml", ".yml", ".service", ".sh", ".tpl", ".txt"}
)
BLOCK = re.compile(r"^ *```(?P<kind>[^\n]*)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)


def blocks(page: Path, kind: str) -> list[str]:
    """The fenced blocks that are marked so."""
    return [found["text"] for found in BLOCK.finditer(page.read_text()) if found["kind"] == kind]


def commands(text: str) -> Iterator[str]:
    """One at a time; a pipe or a backslash at the end of a line goes on in the next."""
    line = ""
    for part in filter(None, map(str.strip, text.splitlines())):
        line += part.removesuffix("\\") + " "
        if not part.endswith(("|", "\\")):
            yield line.strip()
            line = ""


RUN = [page for page in BY_HAND if blocks(page, "console run")]
LOOKS = ("pgvigil check", "pgvigil doctor")
"""Their exit status says how the server is; a mistake of ours is told on stderr."""


@pytest.mark.versions(18)
@pytest.mark.parametrize("page", RUN, ids=lambda path: path.stem)
async def test_commands_run(
    page: Path,
    private_server: PrivateServers,
    psql: Psql,
    tool: Tool,
    helm: Helm,
    tmp_path: Path,
) -> None:
    """What is marked to be run is run, in its order, in one shell, on a real server."""
    server = private_server(loopback=True)
    await psql(server.dsn(), f"CREATE ROLE pgvigil LOGIN PASSWORD '{server.password}'")
    for name in ("deploy", "alerts"):
        (tmp_path / name).symlink_to(HOUSE / name)
    for values in blocks(page, "yaml values")[:1]:
        (tmp_path / "values.yaml").write_text(values)
    programs = (
        Path(sys.executable),
        server.binaries.program("psql"),
        helm.folder / "bin" / "helm",
        tool("promtool"),
        tool("amtool"),
    )
    wanted = [one for text in blocks(page, "console run") for one in commands(text)]
    script = "".join(f'{one}\necho "{MARK}$?"\n' for one in wanted)
    process = await asyncio.create_subprocess_exec(
        *(
            "bash",
            "-o",
            "pipefail",
            "-c",
            script.replace("localhost:5432", f"127.0.0.1:{server.port}"),
        ),
        cwd=tmp_path,
        env={
            "PATH": os.pathsep.join([*(str(one.parent) for one in programs), os.defpath]),
            "HOME": str(tmp_path),
            "PGHOST": "127.0.0.1",
            "PGPORT": str(server.port),
            "PGUSER": "postgres",
            "PGPASSWORD": server.password,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = (text.decode() for text in await process.communicate())
    statuses = [int(status) for status in re.findall(f"^{MARK}(\\d+)$", out, re.MULTILINE)]
    assert len(statuses) == len(wanted), out + err
    for command, status in zip(wanted, statuses, strict=True):
        looked = any(look in command for look in LOOKS)
        assert status == 0 or (looked and "pgvigil " not in err), f"{command}\n{out}\n{err}"


MARK = "status of this command: "


@each_page
def test_commands_are_known(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each `pgvigil …` in a block is a command that exists, with flags that it has."""
    rooms = {name.replace("_", "-"): room for name, room in discover(monitor.commands).items()}
    for found in BLOCK.finditer(page.read_text()):
        lines = commands(found["text"]) if found["kind"].startswith("console") else ()
        for words in (words for command in lines for words in invocations(command)):
            with contextlib.suppress(SystemExit):
                parser_for(rooms).parse_args(words)
    assert capsys.readouterr().err == ""


def invocations(command: str) -> Iterator[list[str]]:
    """The arguments of each pgvigil in a pipeline."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words = list(lexer)
    for at, word in enumerate(words):
        if word == "pgvigil" or word.endswith("/bin/pgvigil"):
            rest = words[at + 1 :]
            ends = [n for n, one in enumerate(rest) if one in {"|", ">", ";", "&&"}]
            if at == 0 or words[at - 1] in {"|", ";", "&&"} or "=" in words[at - 1]:
                yield rest[: ends[0]] if ends else rest


SETTINGS = [(page, text) for page in BY_HAND for text in blocks(page, "yaml settings")]


@pytest.mark.parametrize(("page", "text"), SETTINGS, ids=[page.stem for page, _ in SETTINGS])
def test_settings_load(page: Path, text: str, tmp_path: Path) -> None:
    """Each configuration that is shown is one that pgvigil takes."""
    given = yaml.safe_load(text)
    for secret in re.findall(r"/\S+/(?:password|pgvigil)$", text, re.MULTILINE):
        text = text.replace(secret, str(tmp_path / "secret"))
    (tmp_path / "secret").write_text("secret")
    file = tmp_path / "pgvigil.yaml"
    file.write_text(text)
    environ = {} if given.keys() & {"dsn", "servers"} else {"DATABASE_URL": "postgresql://db"}
    settings = load({"config": str(file)}, environ, settings_type())
    assert watched_servers(settings, environ)


VALUES = [(page, text) for page in BY_HAND for text in blocks(page, "yaml values")]


@pytest.mark.parametrize(("page", "text"), VALUES, ids=[page.stem for page, _ in VALUES])
def test_values_render(page: Path, text: str, helm: Helm, tmp_path: Path) -> None:
    """Each set of values that is shown is one that the chart takes, schema included."""
    del page
    file = tmp_path / "values.yaml"
    file.write_text(text)
    assert helm.template(f"--values={file}")


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    """Each link to a file of ours leads to one."""
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)[^)]*\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_every_page_is_found() -> None:
    """The first page of the documentation leads to every other that was written by hand."""
    linked = set(re.findall(r"\(([\w-]+\.md)\)", (DOCS / "README.md").read_text()))
    assert linked >= {page.name for page in BY_HAND if page.parent == DOCS} - {"README.md"}


WRITTEN = [*BY_HAND, *EXAMPLES]
KUBERNETES = re.compile(r"PGVIGIL_(?:PORT|SERVICE)")
each_text = pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(HOUSE)))


@each_text
def test_variables_exist(path: Path) -> None:
    """Each PGVIGIL_* that is named is a setting."""
    known = (DOCS / "configuration.md").read_text()
    for name in re.findall(r"PGVIGIL_[A-Z_]+[A-Z]", path.read_text()):
        assert f"`{name}`" in known or KUBERNETES.match(name), name


@each_text
def test_metrics_exist(path: Path) -> None:
    """Each pgvigil_* that is named is a metric of ours."""
    known = {one.name for one in vars(own_metrics).values() if isinstance(one, OwnMetric)}
    named = set(re.findall(r"\bpgvigil_[a-z_]+[a-z]\b(?!/)", path.read_text()))
    former = FORMER if path.name == "migrating.md" else set()
    roles = {"pgvigil_monitor", "pgvigil_plans", "pgvigil_scratch"}
    assert named - known <= roles | former


@each_text
def test_alerts_exist(path: Path) -> None:
    """Each Pgvigil… that is named is an alert."""
    known = {alert_name(name) for name in (*all_findings(), *all_watchdogs())}
    assert set(re.findall(r"\bPgvigil[A-Z]\w+", path.read_text())) <= known


NAME = re.compile(r"`([a-z]+(?:_[a-z]+)+)`")
FORMER = {
    "pgvigil_finding_cure_info",
    "pgvigil_finding_database_subjects",
    "pgvigil_collector_ok",
}
"""Metrics that the page about moving from earlier versions says were replaced."""
ELSEWHERE = {"share_pgsocket_with_sidecars"}
"""Names that are an operator's."""


@pytest.fixture(scope="module")
def words() -> set[str]:
    """Every name in the sources and the examples, the generated pages included."""
    files = [
        path
        for top in ("collectors", "alerts", "monitor", "deploy")
        for path in (HOUSE / top).rglob("*")
        if path.suffix in {".py", ".yaml", ".yml", ".md"}
    ]
    files += [DOCS / "configuration.md", DOCS / "findings.md"]
    text = "\n".join(path.read_text() for path in files)
    return set(re.findall(r"[a-z]+(?:_[a-z]+)+", text))


@pytest.mark.parametrize("page", BY_HAND, ids=lambda path: path.stem)
def test_names_exist(page: Path, words: set[str]) -> None:
    """What is written like a name (a finding, a setting, a column) is one somewhere."""
    assert set(NAME.findall(page.read_text())) <= words | ELSEWHERE | FORMER


@pytest.mark.parametrize("page", BY_HAND, ids=lambda path: path.stem)
def test_values_exist(page: Path) -> None:
    """Each value of the chart that is named in a sentence is one that it has."""
    values = yaml.safe_load((HOUSE / "deploy/helm/pgvigil/values.yaml").read_text())
    tops = "|".join(values)
    for name in re.findall(rf"`((?:{tops})(?:\.[A-Za-z]+)+)`", page.read_text()):
        found = values
        for part in name.removeprefix("config.settings.").split("."):
            if name.startswith("config.settings."):
                break
            assert part in found, name
            found = found[part]
