"""`/sd`: HTTP service discovery of Prometheus, with one target for each watched server."""

import re
from typing import Any

from starlette.requests import Request

from monitor.views.overview import Overview

HOST = re.compile(r"[A-Za-z0-9._-]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?")


def targets(overview: Overview, host: str, scheme: str) -> list[dict[str, Any]]:
    """Return one target for each server and pooler; all have the address of this daemon.

    `server` is no target label: our samples already have it, and Prometheus would rename that one.
    """
    return [{"targets": [host], "labels": _labels(view.name, scheme)} for view in overview.scraped]


def asked_under(request: Request) -> str:
    """Return host and port that the client used. An invalid Host header is not echoed."""
    host = request.headers.get("host", "")
    if HOST.fullmatch(host):
        return host
    name, port = request.scope.get("server") or ("localhost", None)
    name = f"[{name}]" if ":" in name else name
    return name if port is None else f"{name}:{port}"


def _labels(server: str, scheme: str) -> dict[str, str]:
    labels = {"__param_server": server, "instance": server}
    return labels | {"__scheme__": scheme} if scheme != "http" else labels
