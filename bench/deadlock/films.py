"""Films on disk: what was missed can be studied, and watched again by a better eye."""

import asyncio
import pickle
import re
from dataclasses import dataclass
from pathlib import Path

from bench.deadlock.record import Film, record
from bench.deadlock.workloads import Workload
from monitor.demo.launcher import Postgres


@dataclass(frozen=True, slots=True)
class Films:
    """Runs what is not on disk yet. Without a folder nothing is kept."""

    server: Postgres
    folder: Path | None

    def of(self, workload: Workload, seed: int) -> Film:
        path = self._path(workload, seed)
        if path and path.exists():
            known: Film = pickle.loads(path.read_bytes())
            return known
        film = asyncio.run(record(self.server, workload, seed))
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(pickle.dumps(film))
        return film

    def _path(self, workload: Workload, seed: int) -> Path | None:
        name = re.sub(r"\W+", "-", workload.name).strip("-")
        return self.folder / f"{name}.{seed}.film" if self.folder else None
