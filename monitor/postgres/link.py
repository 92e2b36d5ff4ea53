"""The link to a server: what a round trip and a byte take on it at least."""

from dataclasses import dataclass

NOTABLE = 4096
"""Bytes from which on an answer says something about the speed of the link."""
FAST = 4e-7
"""Seconds a byte below which a link is not subtracted: what is measured then is the server."""


@dataclass(slots=True)
class Link:
    """Speed of the link of one session, as far as it was measured."""

    round_trip: float
    """Seconds that an answer takes at least, whatever the server does."""
    octets: float = 0.0
    """Bytes of that answer: they have taken their part of these seconds."""
    seconds_a_byte: float = 0.0
    """What each further byte takes at least."""

    @classmethod
    def of(cls, round_trip: float, octets: int, seconds: float, more: int) -> "Link":
        """From a smallest answer, and from one of that many more bytes."""
        return cls(round_trip, octets, max(0.0, seconds - round_trip) / more)

    def elapsed(self, seconds: float, trips: int, octets: int) -> tuple[float, float]:
        """Return the seconds that an answer took beyond its trips, and those of its bytes.

        What was measured when the session was opened, on a busy machine perhaps, may be long and
        hide what queries cost: each answer that came sooner puts it right.
        """
        if seconds / trips < self.round_trip:
            self.round_trip, self.octets = seconds / trips, octets / trips
        beyond = max(0.0, seconds - trips * self.round_trip)
        more = max(0.0, octets - trips * self.octets)
        if more >= NOTABLE:
            self.seconds_a_byte = min(self.seconds_a_byte, beyond / more)
        return beyond, more * self.seconds_a_byte if self.seconds_a_byte >= FAST else 0.0
