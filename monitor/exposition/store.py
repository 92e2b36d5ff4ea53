"""Metric store: rendered families of all servers as bytes, joined when a page is scraped."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from types import MappingProxyType
from typing import Any

from collectors._base import AnyCollector
from monitor.exposition.own_page import Own
from monitor.exposition.page import Page
from monitor.exposition.process import process_metrics
from monitor.exposition.render import Fragment, Renderer
from monitor.exposition.top_n import fair_share
from monitor.polling.sink import Served
from monitor.views.overview import Overview, ServerView

Slot = tuple[str, str, str | None]
"""Server, collector, and the database if the collector runs in each database."""
Databases = dict[str | None, "CollectorPage"]
"""What one collector has of a server, or of each of its databases."""


KEPT = 8
"""Pages that are kept for another scrape, such as that of the second of two Prometheus servers: of
a fleet each page has half a megabyte, and is made in a few milliseconds."""
NO_TOPS: Mapping[str, int] = MappingProxyType({})


@dataclass(slots=True)
class CollectorPage:
    """Rendered families of one slot."""

    renderer: Renderer
    rows: int = 0
    fragments: dict[str, Fragment] = field(default_factory=dict)
    served: Served = field(default_factory=Served)


@dataclass(slots=True)
class FamilyPage:
    """A metric family: its header (from its first collector) and the fragments of each server."""

    header: bytes
    servers: dict[str, dict[Slot, Fragment]] = field(default_factory=dict)


@dataclass(slots=True)
class Store:
    """Thread-safe store of rendered metrics."""

    servers: dict[str, dict[str, Databases]] = field(default_factory=dict)
    """By server and collector."""
    families: dict[str, FamilyPage] = field(default_factory=dict)
    own: Own = field(default_factory=Own)
    legacy: bool = True
    """Whether legacy metric names are served too."""
    pages: dict[str | None, Page] = field(default_factory=dict)
    """The last pages that are still true, by server, and under None that of all servers."""
    lock: Lock = field(default_factory=Lock)

    def put(
        self,
        server: str,
        collector: AnyCollector,
        database: str | None,
        rows: Sequence[Any],
        tops: Mapping[str, int] = NO_TOPS,
        whole: bool = True,
        wanted: Callable[[], bool] = lambda: True,
    ) -> Served:
        """Replace the metrics of a collector. `tops` are the configured bounds. If not `whole`,
        `rows` replace only the rows with their own series. `wanted` is asked once they are
        rendered: the server may have been removed since."""
        slot = (server, collector.name, database)
        page = self._pages_of(slot).get(database)
        if page and whole and page.renderer.has_rendered(rows):
            return page.served
        page = page or CollectorPage(Renderer(collector, self.legacy))
        if whole:
            page.rows = len(rows)
            fragments, served = page.renderer.render(rows, self._top(slot, page, collector, tops))
        else:
            fragments, served = page.renderer.renew(rows)
        with self.lock:
            # A part of what was dropped while it was rendered does not come back either.
            if wanted() and (whole or database in self._pages_of(slot)):
                known = self.servers.setdefault(server, {}).setdefault(collector.name, {})
                known[database], page.served = page, served
                self._replace(slot, page, fragments)
        return served

    def _pages_of(self, slot: Slot) -> Databases:
        return self.servers.get(slot[0], {}).get(slot[1], {})

    def _top(
        self, slot: Slot, page: CollectorPage, collector: AnyCollector, tops: Mapping[str, int]
    ) -> int | None:
        """Return how many rows may have their own series; databases of a server share the bound."""
        if collector.bound is None:
            return None
        with self.lock:
            others = [p.rows for name, p in self._pages_of(slot).items() if name != slot[2]]
        return fair_share([page.rows, *others], tops.get(collector.name, collector.bound.top))

    def drop(
        self, server: str, collector: AnyCollector | None = None, database: str | None = None
    ) -> None:
        """Remove the metrics of a server, of one of its collectors, or of one database."""
        with self.lock:
            known = self.servers.get(server, {})
            for name in list(known) if collector is None else [collector.name]:
                pages = known.get(name, {})
                for where in list(pages) if database is None else [database]:
                    if where in pages:
                        self._replace((server, name, where), pages.pop(where), {})
            if collector is None and database is None:
                self.servers.pop(server, None)

    def renew_own(self, view: ServerView) -> None:
        """Write the pgvigil_* series of one server before the overview of all is set."""
        with self.lock:
            self.own.renew(view)

    def set_own(self, overview: Overview) -> None:
        """Update the pgvigil_* series from a new overview."""
        with self.lock:
            for server in self.own.update(overview):
                self._touch(server)
            self._touch(None)
            for gone in {*self.pages} - {None, *self.own.servers, *self.own.poolers}:
                self._touch(gone)

    def page(self, server: str | None = None) -> Page:
        """Return the page of all servers, or of one server without the label `server`."""
        with self.lock:
            made = self.pages.get(server)
            if made is None:
                made = self.pages[server] = Page(b"".join(self._join(server)))
                if len(self.pages) > KEPT:
                    del self.pages[next(iter(self.pages))]
            return made

    def _join(self, server: str | None) -> Iterator[bytes]:
        poolers = self.own.poolers
        for _, family in sorted(self.families.items()):
            yield family.header
            for name in [server] if server is not None else list(family.servers):
                for fragment in family.servers.get(name, {}).values():
                    alike = poolers if name in poolers else self.own.servers
                    label = server is None and len(alike) > 1
                    yield fragment.of(name if label else None)
        yield from self.own.page(server)
        yield process_metrics()

    def _replace(self, slot: Slot, page: CollectorPage, fragments: dict[str, Fragment]) -> None:
        changed = False
        for name in page.fragments.keys() - fragments.keys():
            changed = True
            self._remove(name, slot)
        for name, fragment in fragments.items():
            old = page.fragments.get(name)
            if old is None or old.samples != fragment.samples:
                changed = True
                family = self.families.setdefault(name, FamilyPage(bytes(fragment.head)))
                family.servers.setdefault(slot[0], {})[slot] = fragment
            else:
                fragments[name] = old
        page.fragments = fragments
        if changed:
            self._touch(slot[0])
            self._touch(None)

    def _remove(self, name: str, slot: Slot) -> None:
        family = self.families[name]
        del family.servers[slot[0]][slot]
        if not family.servers[slot[0]]:
            del family.servers[slot[0]]
        if not family.servers:
            del self.families[name]

    def _touch(self, server: str | None) -> None:
        self.pages.pop(server, None)
