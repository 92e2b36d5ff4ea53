"""Passwords of an address with several hosts, where the password file has a line for each."""

import os.path
from collections.abc import Mapping
from dataclasses import dataclass, field

Place = str | tuple[str, int]
"""What asyncpg connects to: the path of a socket, or host and port."""


def place_of(host: str, port: int) -> Place:
    return os.path.join(host, f".s.PGSQL.{port}") if host.startswith("/") else (host, port)


@dataclass(frozen=True, slots=True)
class HostPasswords:
    """Password of each place; None where there is none."""

    known: Mapping[Place, str | None] = field(repr=False)

    def at(self, place: Place) -> str | None:
        return self.known.get(place)
