"""Routes of the HTTP server. They have no state; they read the overview and the metric store."""

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from monitor.defects import DEFECTS
from monitor.exposition.store import Store
from monitor.exposition.text_format import encoded
from monitor.views.overview import Overview
from monitor.views.summary import Summary
from monitor.web.compression import accepts_gzip
from monitor.web.discovery import asked_under, targets
from monitor.web.finding_page import finding_json, finding_page, known_finding
from monitor.web.findings import as_plain, dumps
from monitor.web.findings_schema import schema_page as findings_schema
from monitor.web.headers import Headers, content_policy
from monitor.web.index_page import index_page
from monitor.web.locks_page import locks_page
from monitor.web.migrations_page import migrations_json
from monitor.web.statements_page import statements_json, statements_page
from monitor.web.statements_schema import schema_page as statements_schema
from monitor.web.status import SCRIPT, STYLE, status_page
from monitor.web.waits_page import minutes_of, waits_json, waits_page
from monitor.web.waits_schema import schema_page as waits_schema

METRICS = "text/plain; version=0.0.4; charset=utf-8"
HTML = "text/html; charset=utf-8"
JSON = "application/json"
SCHEMA = "application/schema+json"
PLAIN = "text/plain; charset=utf-8"
WORTH_PACKING = 1024
DEFECT = (
    "This page could not be made. That is a defect of pgvigil, which its log describes;"
    " alerts and /metrics do not depend on it."
)
MINUTES = "minutes is a number from 1 to 60."
UNWATCHED = "No server with this name is watched; /sd lists them."


@dataclass(frozen=True, slots=True)
class Site:
    """Request handlers; each reads the current overview and metrics."""

    overview: Callable[[], Overview]
    store: Store

    def _asked(self, request: Request) -> tuple[Overview, str | None]:
        """Return the overview, with one server or target alone where the address names one."""
        overview, server = self.overview(), request.query_params.get("server") or None
        if server is None:
            return overview, None
        if server not in [view.name for view in overview.judged]:
            raise HTTPException(404, UNWATCHED)
        return overview.only(server), server

    async def metrics(self, request: Request) -> Response:
        server = request.query_params.get("server") or None
        names = [view.name for view in self.overview().scraped]
        if server is not None and server not in names:
            raise HTTPException(404, UNWATCHED)
        page = self.store.page(server)
        if not accepts_gzip(request.headers.get("accept-encoding", "")):
            return _sent(page.body, METRICS)
        # In a thread, because compressing a large page would delay other requests.
        return _sent(await run_in_threadpool(page.pack), METRICS, packed=True)

    async def status(self, request: Request) -> Response:
        overview, server = self._asked(request)
        return await _page(request, lambda: status_page(Summary(overview), server), HTML)

    async def index(self, request: Request) -> Response:
        overview, server = self._asked(request)
        return await _page(request, lambda: index_page(overview, server), HTML)

    async def locks(self, request: Request) -> Response:
        overview, server = self._asked(request)
        return await _page(request, lambda: locks_page(overview, server), HTML)

    async def waits(self, request: Request) -> Response:
        overview, server = self._asked(request)
        return await _page(request, lambda: waits_page(overview, server), HTML)

    async def waits_numbers(self, request: Request) -> Response:
        overview, _ = self._asked(request)
        try:
            minutes = minutes_of(request.query_params.get("minutes"))
        except ValueError:
            raise HTTPException(400, MINUTES) from None
        return await _page(request, lambda: dumps(waits_json(overview, minutes)), JSON)

    async def statements(self, request: Request) -> Response:
        overview, server = self._asked(request)
        return await _page(request, lambda: statements_page(overview, server), HTML)

    async def statements_json(self, request: Request) -> Response:
        overview, _ = self._asked(request)
        return await _page(request, lambda: statements_json(overview), JSON)

    async def migrations(self, request: Request) -> Response:
        overview, _ = self._asked(request)
        database = request.query_params.get("database") or None
        return await _page(request, lambda: dumps(migrations_json(overview, database)), JSON)

    async def findings(self, request: Request) -> Response:
        return await _page(request, lambda: dumps(as_plain(self.overview())), JSON)

    async def finding(self, request: Request) -> Response:
        overview, name = self.overview(), request.path_params["name"]
        subject = known_finding(name.removesuffix(".json"), overview)
        if subject is None:
            raise HTTPException(404, "There is no finding with this name; /findings lists them.")
        if name.endswith(".json"):
            return await _page(request, lambda: dumps(finding_json(subject, overview)), JSON)
        return await _page(request, lambda: finding_page(subject, overview), HTML)

    async def discovery(self, request: Request) -> Response:
        found = targets(self.overview(), asked_under(request), request.url.scheme)
        return _sent(encoded(dumps(found)), JSON)

    async def alive(self, request: Request) -> Response:
        """Answer a liveness probe; independent of all databases."""
        del request
        return _sent(b"pgvigil is alive.\n", PLAIN)

    async def ready(self, request: Request) -> Response:
        """Answer 200 once every server was queried, or the reason why not is known."""
        del request
        overview = self.overview()
        if overview.stopping:
            return _sent(b"pgvigil is stopping.\n", PLAIN, 503)
        # A pooler beside servers is not waited for: its absence keeps none of them from view.
        watched = overview.servers or overview.poolers
        if not watched or not all(view.looked_at for view in watched):
            return _sent(b"pgvigil has not queried every server yet.\n", PLAIN, 503)
        return _sent(b"pgvigil is ready.\n", PLAIN)


def application(overview: Callable[[], Overview], store: Store, *, pages: bool = True) -> Starlette:
    """Build the application; without `pages`, there are no routes to pages with evidence."""
    site = Site(overview, store)
    routes = [
        Route("/metrics", site.metrics),
        Route("/healthz", site.alive),
        Route("/-/healthy", site.alive),
        Route("/readyz", site.ready),
        Route("/-/ready", site.ready),
        Route("/sd", site.discovery),
    ]
    evidence = [
        Route("/", site.status),
        Route("/index", site.index),
        Route("/locks", site.locks),
        Route("/waits", site.waits),
        Route("/waits.json", site.waits_numbers),
        Route("/waits/schema.json", partial(_page, render=waits_schema, kind=SCHEMA)),
        Route("/statements", site.statements),
        Route("/statements.json", site.statements_json),
        Route("/statements/schema.json", partial(_page, render=statements_schema, kind=SCHEMA)),
        Route("/migrations.json", site.migrations),
        Route("/findings", site.findings),
        Route("/findings/schema.json", partial(_page, render=findings_schema, kind=SCHEMA)),
        Route("/findings/{name}", site.finding),
    ]
    app = Starlette(
        routes=routes + (evidence if pages else []),
        middleware=[Middleware(Headers, policy=content_policy(STYLE, SCRIPT))],
        exception_handlers={HTTPException: _refused},
    )
    app.router.redirect_slashes = False
    return app


async def _page(request: Request, render: Callable[[], str], kind: str) -> Response:
    """Render a page in a thread, so that the event loop can continue with queries."""
    packed = accepts_gzip(request.headers.get("accept-encoding", ""))

    def body() -> tuple[bytes, bool]:
        try:
            page = encoded(render())
        except Exception as defect:
            DEFECTS.note("page", defect, address=request.url.path)
            raise HTTPException(500, DEFECT) from None
        if packed and len(page) > WORTH_PACKING:
            return gzip.compress(page, compresslevel=1, mtime=0), True
        return page, False

    made, is_packed = await run_in_threadpool(body)
    return _sent(made, kind, packed=is_packed)


def _sent(body: bytes, kind: str, status: int = 200, *, packed: bool = False) -> Response:
    headers = {"Content-Type": kind, "Vary": "Accept-Encoding"}
    if packed:
        headers["Content-Encoding"] = "gzip"
    return Response(body, status, headers)


async def _refused(request: Request, refusal: Exception) -> Response:
    del request
    assert isinstance(refusal, HTTPException)
    answer = _sent(encoded(f"{refusal.detail}\n"), PLAIN, refusal.status_code)
    answer.headers.update(refusal.headers or {})
    return answer
