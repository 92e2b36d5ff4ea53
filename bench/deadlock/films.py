"""Films on disk: a run that was interrupted goes on, and a better eye can watch them again."""

import asyncio
import pickle
import zlib
from dataclasses import dataclass, fields
from pathlib import Path

from bench.deadlock.grammar import Workload
from bench.deadlock.record import Film, record
from collectors.activity import Session
from collectors.locks import Lock
from collectors.open_transactions import OpenTransaction
from monitor.demo.launcher import Postgres

ROWS = (Session, Lock, OpenTransaction)


@dataclass(frozen=True, slots=True)
class Films:
    """Of one seed, one PostgreSQL and one rhythm, in a folder."""

    folder: Path

    def known(self, workload: Workload) -> Film | None:
        path = self._path(workload)
        if not path.exists():
            return None
        film: Film = pickle.loads(zlib.decompress(path.read_bytes()))
        return film

    def take(self, server: Postgres, workload: Workload, seconds: float, rhythm: bool) -> Film:
        film = asyncio.run(record(server, workload, seconds, rhythm))
        path = self._path(workload)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        unfinished.write_bytes(zlib.compress(pickle.dumps(film), 1))
        unfinished.rename(path)
        return film

    def _path(self, workload: Workload) -> Path:
        """With a digest of all that was drawn, and of what a look has: others have other films."""
        columns = [[field.name for field in fields(row)] for row in ROWS]
        spec, drawn = workload.spec, zlib.crc32(repr((workload, columns)).encode())
        return self.folder / f"{spec.number:03}-{spec.twin.name}-{drawn:08x}.film"
