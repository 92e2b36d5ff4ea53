"""All families of all servers, kept as bytes: rounds put fragments in, a scrape joins them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from types import MappingProxyType
from typing import Any

from collectors._base import AnyCollector
from monitor.exposition.own_page import Own
from monitor.exposition.page import Page
from monitor.exposition.process import process_metrics
from monitor.exposition.render import Fragment, Renderer
from monitor.exposition.top_n import level
from monitor.polling.sink import Served
from monitor.views.overview import Overview

Slot = tuple[str, str, str | None]
"""Server, collector, and the database where the collector is asked in each of them."""


NO_TOPS: Mapping[str, int] = MappingProxyType({})


@dataclass(slots=True)
class Part:
    """What one collector serves of one place."""

    renderer: Renderer
    rows: int = 0
    fragments: dict[str, Fragment] = field(default_factory=dict)


@dataclass(slots=True)
class FamilyPage:
    """One family: its header, and per server the fragments. The first who names it describes it."""

    header: bytes
    servers: dict[str, dict[Slot, Fragment]] = field(default_factory=dict)


@dataclass(slots=True)
class Store:
    """Answers may be put from a thread; pages are for anybody."""

    parts: dict[Slot, Part] = field(default_factory=dict)
    families: dict[str, FamilyPage] = field(default_factory=dict)
    own: Own = field(default_factory=Own)
    legacy: bool = True
    """Whether old spellings are served too."""
    versions: dict[str | None, int] = field(default_factory=dict)
    """Per server, and under None for all: how often something changed."""
    pages: dict[str | None, tuple[int, Page]] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def put(
        self,
        server: str,
        collector: AnyCollector,
        database: str | None,
        rows: Sequence[Any],
        tops: Mapping[str, int] = NO_TOPS,
        whole: bool = True,
    ) -> Served:
        """Replace what this collector serves of this place. `tops` are the bounds in force; not
        `whole` are rows that are newer than the rest, which stays as it is."""
        place = (server, collector.name, database)
        part = self.parts.get(place) or Part(Renderer(collector, self.legacy))
        if whole:
            part.rows = len(rows)
            fragments, served = part.renderer.render(rows, self._top(place, part, collector, tops))
        else:
            fragments, served = part.renderer.renew(rows)
        with self.lock:
            self.parts[place] = part
            self._replace(place, part, fragments)
        return served

    def _top(
        self, place: Slot, part: Part, collector: AnyCollector, tops: Mapping[str, int]
    ) -> int | None:
        """How many rows may have series of their own there: all databases of a server share."""
        if collector.bound is None:
            return None
        with self.lock:
            others = [p.rows for of, p in self.parts.items() if of[:2] == place[:2] and of != place]
        return level([part.rows, *others], tops.get(collector.name, collector.bound.top))

    def drop(
        self, server: str, collector: AnyCollector | None = None, database: str | None = None
    ) -> None:
        """Take facts off the page: all of a server, of a collector, or of one database."""
        with self.lock:
            for place in list(self.parts):
                if (
                    place[0] == server
                    and (collector is None or place[1] == collector.name)
                    and (database is None or place[2] == database)
                ):
                    self._replace(place, self.parts.pop(place), {})

    def set_own(self, overview: Overview) -> None:
        """Say the newest of the daemon itself and of its verdicts."""
        with self.lock:
            for server in self.own.update(overview):
                self._touch(server)
            self._touch(None)
            for gone in {*self.pages} - {None, *self.own.servers}:
                del self.pages[gone]

    def page(self, server: str | None = None) -> Page:
        """All servers on one page, or one alone, whose facts then carry no `server`."""
        with self.lock:
            version = self.versions.get(server, 0)
            made = self.pages.get(server)
            if made is None or made[0] != version:
                made = self.pages[server] = version, Page(b"".join(self._join(server)))
            return made[1]

    def _join(self, server: str | None) -> Iterator[bytes]:
        label = server is None and len(self.own.servers) > 1
        for _, family in sorted(self.families.items()):
            yield family.header
            for name in [server] if server is not None else list(family.servers):
                for fragment in family.servers.get(name, {}).values():
                    yield fragment.of(name if label else None)
        yield from self.own.page(server)
        yield process_metrics()

    def _replace(self, place: Slot, part: Part, fragments: dict[str, Fragment]) -> None:
        changed = False
        for name in part.fragments.keys() - fragments.keys():
            changed = True
            self._remove(name, place)
        for name, fragment in fragments.items():
            old = part.fragments.get(name)
            if old is None or old.samples != fragment.samples:
                changed = True
                family = self.families.setdefault(name, FamilyPage(bytes(fragment.head)))
                family.servers.setdefault(place[0], {})[place] = fragment
            else:
                fragments[name] = old
        part.fragments = fragments
        if changed:
            self._touch(place[0])
            self._touch(None)

    def _remove(self, name: str, place: Slot) -> None:
        family = self.families[name]
        del family.servers[place[0]][place]
        if not family.servers[place[0]]:
            del family.servers[place[0]]
        if not family.servers:
            del self.families[name]

    def _touch(self, server: str | None) -> None:
        self.versions[server] = self.versions.get(server, 0) + 1
