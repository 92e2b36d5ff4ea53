"""A token bucket for all requests together."""

import time
from collections.abc import Callable


class Rate:
    """Token bucket: `burst` tokens at the start, one more after each interval (seconds)."""

    def __init__(
        self, interval: float, burst: int, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._interval, self._burst, self._now = interval, burst, now
        self._left, self._at = float(burst), now()

    def take(self) -> bool:
        now = self._now()
        self._left = min(self._burst, self._left + (now - self._at) / self._interval)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
