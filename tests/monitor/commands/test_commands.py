"""What the program tells of itself on the command line."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from alerts._base import Severity, State
from alerts._catalogue import all_findings
from alerts.prometheus.rulebook import all_watchdogs
from alerts.verdicts.verdict import Verdict
from monitor.cli import main
from monitor.config.errors import ConfigurationError
from monitor.config.load import load
from monitor.config.model import settings_type
from monitor.reports.terminal import exit_status, line
from monitor.views.narrowing import narrowed
from tests.fixtures.findings import BLOAT, HORIZON, IDLE, NOW, bloat
from tests.fixtures.overview import ill, overview, primary

PROGRAM = [sys.executable, "-m", "monitor"]
NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit, match="0"):
        raise SystemExit(main(arguments))
    return capsys.readouterr().out


def test_help_lists_what_is_of_use_to_everybody(capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each command, and none for what works in a checkout only."""
    listed = {line.split()[0] for line in said(capsys, "--help").splitlines() if line[:4] == "    "}
    assert {"run", "check", "demo", "setup-sql"} <= listed
    assert not {"render", "new", "changelog"} & listed


def test_help_of_run_ends_with_all_settings(capsys: pytest.CaptureFixture[str]) -> None:
    """Made only when it is asked for, after the flags."""
    with pytest.raises(SystemExit, match="0"):
        main(["run", "--help"])
    _, settings = capsys.readouterr().out.split("--set NAME=VALUE, or PGVIGIL_NAME")
    assert "  state_file " in settings


def test_findings_and_watchdogs_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    """What watches us is listed below what watches the servers."""
    above, below = said(capsys, "explain").split("Alerts about pgvigil itself:")
    assert [line.split()[0] for line in above.split("\n") if line] == list(all_findings())
    assert [line.split()[0] for line in below.split("\n") if line] == list(all_watchdogs())


def test_a_picture_of_locks_says_why_it_is_empty(capsys: pytest.CaptureFixture[str]) -> None:
    """An unreachable server is unknown, not a server without waits."""
    absent = "postgresql://somebody@127.0.0.1:1/postgres"
    assert main(["locks", "--dsn", absent]) == 2
    said = capsys.readouterr()
    assert "Unknown: the server does not answer: Connection refused" in said.out
    assert said.err == ""


def test_what_can_not_be_known_without_a_server_has_one_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is not for want of time that nothing is known; a login for plans is not configured."""
    absent = "postgresql://somebody@127.0.0.1:1/postgres"
    assert main(["check", absent]) == 2
    told = capsys.readouterr().out
    assert "not queried yet" not in told
    assert told.count("the server does not answer: Connection refused") == 1
    assert main(["review", absent]) == 2
    told = capsys.readouterr().out
    assert told == "127.0.0.1:1 does not answer: Connection refused\nNothing is known.\n"
    assert main(["vacuum", "orders", absent]) == 2
    assert capsys.readouterr().out == "127.0.0.1:1 does not answer: Connection refused\n"


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["checc"], 2, "there is no command called checc. Did you mean check?"),
        (["rendr"], 2, "there is no command called rendr. `pgvigil --help` lists them."),
        (
            ["explain", "index_unusd"],
            2,
            "no finding called index_unusd. Did you mean index_unused?",
        ),
        (["sql", "user_tabels"], 2, "no collector called user_tabels. Did you mean user_tables?"),
        (["check", "--finding", "xyz"], 3, "called xyz. `pgvigil explain` lists them."),
        (["check", "--dsn", "host=a", "host=b"], 3, "the server is given twice"),
    ],
)
def test_a_wrong_name_is_told_with_the_nearest_right_one(
    capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, sentence: str
) -> None:
    """One sentence on standard error, and nothing for a script to read."""
    assert main(arguments) == status
    said = capsys.readouterr()
    assert sentence in said.err
    assert said.out == ""


@pytest.mark.parametrize(
    ("flag", "status", "sentence"),
    [
        ("--severty=info", 3, "unrecognized arguments: --severty=info. Did you mean --severity?"),
        ("--zzz", 3, "unrecognized arguments: --zzz"),
    ],
)
def test_a_wrong_flag_is_told_with_the_nearest_right_one(
    capsys: pytest.CaptureFixture[str], flag: str, status: int, sentence: str
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["check", flag])
    assert left.value.code == status
    assert capsys.readouterr().err.strip().endswith(sentence)


def test_a_mute_of_no_finding_is_refused() -> None:
    """A misspelt mute would never apply, and nobody would notice."""

    def muted(pattern: str) -> object:
        mute = json.dumps([{"finding": pattern, "why": "known"}])
        return load({"dsn": "host=a", "mute": mute}, {}, settings_type())

    assert muted("index_*")
    assert muted("index_unused")
    with pytest.raises(ConfigurationError, match=r"Did you mean index_unused\?$"):
        muted("index_unusd")
    with pytest.raises(ConfigurationError, match=r"no finding called zz\*\.$"):
        muted("zz*")


def test_a_report_can_be_of_one_finding() -> None:
    """The headline says of what it is, and the exit status is that of what was asked for."""
    one = narrowed(overview(primary()), [BLOAT.name])
    assert line(one) == "1 warning (only table_bloat)"
    assert exit_status(one) == 1
    assert exit_status(narrowed(overview(primary()), ["connection_saturation"])) == 0


def test_a_report_can_leave_out_what_is_milder() -> None:
    """Never what is unknown: it could be worse."""
    one = narrowed(overview(primary()), severity=Severity.critical)
    assert line(one) == "3 critical, 2 unknown (only severity critical or worse)"
    assert exit_status(one) == 2
    [view] = one.servers
    assert [s.evidence.severity for s in view.verdicts[IDLE.name].subjects] == [Severity.critical]
    assert HORIZON.name in view.verdicts


def test_a_milder_subject_does_not_hide_what_is_unknown() -> None:
    """Ill but milder, and in part unknown, is unknown; it is not healthy."""
    blind = primary().verdicts["statement_slow"].unjudged
    verdict = replace(ill(BLOAT, bloat("public.t", 1, 0.5)), unjudged=blind)
    view = replace(primary(), verdicts={BLOAT.name: verdict})
    [narrow] = narrowed(overview(view), severity=Severity.critical).servers
    assert narrow.verdicts[BLOAT.name].state is State.unknown
    assert narrow.verdicts[BLOAT.name].reason == blind[0].reason
    assert exit_status(narrowed(overview(view), severity=Severity.critical)) == 3
    assert Verdict(BLOAT, State.healthy, NOW).severity is None


def test_quiet_is_one_line() -> None:
    """The address without a flag; the exit status is unknown, for nothing answers."""
    absent = "postgresql://somebody@127.0.0.1:1/postgres"
    done = subprocess.run(
        [sys.executable, "-m", "monitor", "check", "--quiet", absent],
        capture_output=True,
        text=True,
        check=False,
    )
    assert len(done.stdout.splitlines()) == 1
    assert "server unreachable" in done.stdout
    assert (done.returncode, done.stderr) == (2, "")


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_shell_accepts_its_completion(capsys: pytest.CaptureFixture[str], shell: str) -> None:
    """The script parses where the shell is there, and knows commands, flags and names."""
    script = said(capsys, "completion", shell)
    assert "setup-sql" in script
    assert "--severity" in script
    assert "index_unused" in script
    assert "changelog" not in script, "of use in a checkout only"
    if path := shutil.which(shell):
        subprocess.run([path, "-n"], input=script, text=True, check=True)


def test_bash_completes(capsys: pytest.CaptureFixture[str]) -> None:
    """Commands, then the names of findings; files where a file is meant."""
    typed = "COMP_WORDS=(pgvigil explain index_unu); COMP_CWORD=2"
    script = said(capsys, "completion", "bash")
    function = script.rsplit("complete ", 1)[1].split("-F ")[1].split()[0]
    asked = f"{script}\n{typed}\n{function} pgvigil index_unu explain\necho ${{COMPREPLY[@]}}\n"
    done = subprocess.run(["bash"], input=asked, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["index_unused"], done.stderr
    assert "_shtab_pgvigil_migrate_check_pos_0_COMPGEN=_shtab_compgen_files" in script


@pytest.mark.tool
@pytest.mark.parametrize(("command", "status"), [("rules", 2), ("check", 3)])
def test_a_full_disk_is_one_sentence(command: str, status: int) -> None:
    """Whether the output is long, or comes out at the end only."""
    address = [NOWHERE] if command == "check" else []
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*PROGRAM, command, *address], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == status
    told = f"pgvigil {command}: the output can't be written: no space left on device.\n"
    assert done.stderr == told


@pytest.mark.tool
def test_a_closed_pipe_is_no_warning() -> None:
    """The reader has seen enough."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*PROGRAM, "check", NOWHERE], stdout=writer, stderr=subprocess.PIPE, text=True
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_interrupted_command_leaves_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its exit status is that of shells."""

    def interrupted(known: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("monitor.commands.rules.run", interrupted)
    monkeypatch.setattr("monitor.cli.discard_output", lambda: None)
    assert main(["rules"]) == 130
