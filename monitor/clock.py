"""One clock for the daemon: unix seconds that never run backwards and never jump."""

import time


class Clock:
    """Anchored to the wall once; a wall clock that is set later changes no age of ours."""

    def __init__(self) -> None:
        self.set_anew()

    def set_anew(self) -> None:
        """Take over the wall's time; every age that was taken by the old one is void."""
        self._anchor = time.time() - time.monotonic()

    def now(self) -> float:
        return self._anchor + time.monotonic()

    def drift(self) -> float:
        """How far the wall clock has been moved since, in seconds."""
        return time.time() - self.now()
