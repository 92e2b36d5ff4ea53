"""`/sd`: offers every server to Prometheus as a target of its own (http_sd)."""

import re
from typing import Any

from starlette.requests import Request

from monitor.views.overview import Overview

HOST = re.compile(r"[A-Za-z0-9._-]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?")


def targets(overview: Overview, host: str, scheme: str) -> list[dict[str, Any]]:
    """One target a server, all of them us. `server` is no label of a target: it is on our samples
    already, and Prometheus would rename that."""
    return [
        {"targets": [host], "labels": _labels(server.name, scheme)} for server in overview.servers
    ]


def asked_under(request: Request) -> str:
    """Host and port by which whoever asks can reach us; what is no host is not repeated."""
    host = request.headers.get("host", "")
    if HOST.fullmatch(host):
        return host
    name, port = request.scope.get("server") or ("localhost", None)
    name = f"[{name}]" if ":" in name else name
    return name if port is None else f"{name}:{port}"


def _labels(server: str, scheme: str) -> dict[str, str]:
    labels = {"__param_server": server, "instance": server}
    return labels | {"__scheme__": scheme} if scheme != "http" else labels
