"""Runs a small fleet for a while, then draws its dashboards and its status page."""

import argparse
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from grafana.titles import TITLES
from monitor.demo.binaries import LaunchError
from pictures.fleet import Fleet, fleet

HERE = Path(__file__).parent
ROOT = HERE.parent
NEEDED = ("chromium", "node", "npm", "pngquant", "prometheus")
ILL = {"server": "demo", "instance": "demo"}
CHOSEN = {"pgvigil-server": ILL, "pgvigil-locks": ILL}
"""The server shown on dashboards about one server; the other dashboards show all."""
PAUSED = 150
"""Seconds without replay before the pictures, so that there is a lag to see."""
USAGE = 2


def main() -> int:
    known = _arguments().parse_args()
    signal.signal(signal.SIGTERM, _interrupted)
    if missing := [name for name in NEEDED if shutil.which(name) is None]:
        _tell(f"not installed: {', '.join(missing)}")
        return USAGE
    try:
        _install()
        with fleet() as servers:
            _tell(f"{known.minutes:g} minutes of life")
            time.sleep(max(0, known.minutes * 60 - PAUSED))
            servers.pause_replay()
            time.sleep(min(PAUSED, known.minutes * 60))
            _draw(servers, known.folder.resolve(), known.mode, known.minutes)
    except (LaunchError, subprocess.CalledProcessError) as wrong:
        _tell(str(wrong))
        return USAGE
    except KeyboardInterrupt:
        return 130
    return 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pictures", description=__doc__)
    parser.add_argument("--minutes", type=float, default=15, help="how long the fleet lives (15)")
    parser.add_argument("--folder", type=Path, default=ROOT / "docs" / "pictures")
    parser.add_argument("--mode", choices=("dark", "light"), default="dark")
    return parser


def _install() -> None:
    """As the lock says; no install script of a package runs."""
    lock, stamp = HERE / "package-lock.json", HERE / "node_modules" / "locked.json"
    if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
        _tell("fetching Grafana's components, half a gigabyte")
        subprocess.run(["npm", "ci", "--loglevel=error"], cwd=HERE, check=True)
        shutil.copy(lock, stamp)


def _draw(servers: Fleet, folder: Path, mode: str, minutes: float) -> None:
    drawings = [
        {
            "dashboard": str(ROOT / "grafana" / "dashboards" / f"{name}.json"),
            "picture": str(folder / f"{name}.png"),
            "chosen": CHOSEN.get(name, {}),
        }
        for name in TITLES
    ]
    wish = {
        "prometheus": servers.prometheus,
        "minutes": minutes,
        "mode": mode,
        "dashboards": drawings,
        "page": {"address": servers.demo, "picture": str(folder / "status.png")},
    }
    _tell(f"drawing into {folder}")
    program: list[str | Path] = ["node", HERE / "draw.mjs"]
    subprocess.run(program, input=json.dumps(wish), text=True, check=True)
    made = [folder / f"{name}.png" for name in (*TITLES, "status")]
    smaller = ("--quality=70-95", "--speed=1", "--force", "--ext=.png")
    subprocess.run(["pngquant", *smaller, "--", *made], check=True)


def _interrupted(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _tell(what: str) -> None:
    sys.stderr.write(f"pictures: {what}\n")


if __name__ == "__main__":
    sys.exit(main())
