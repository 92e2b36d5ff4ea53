"""Clock of the daemon: unix seconds that never run backwards and never jump."""

import time


class Clock:
    """Clock that reads the wall time once and then counts monotonic seconds, so that ages stay
    right when the wall clock is set."""

    def __init__(self) -> None:
        self.set_anew()

    def set_anew(self) -> None:
        """Read the wall clock again; times taken before are not comparable any more."""
        self._anchor = time.time() - time.monotonic()

    def now(self) -> float:
        return self._anchor + time.monotonic()

    def drift(self) -> float:
        """Return by how many seconds the wall clock has been moved."""
        return time.time() - self.now()
