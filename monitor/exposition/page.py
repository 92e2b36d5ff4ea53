"""The page that Prometheus reads, as bytes; packed once, when first asked for."""

import gzip
from dataclasses import dataclass, field
from threading import Lock


@dataclass(slots=True)
class Page:
    """One state of a page. Immutable, but for the gzip that it makes of itself."""

    body: bytes
    compressed: bytes | None = None
    lock: Lock = field(default_factory=Lock)

    def pack(self) -> bytes:
        # Level 1 costs a third of level 6 and is a tenth larger. One thread packs at a time, so
        # that scrapers who come together don't pack the same page twice.
        with self.lock:
            if self.compressed is None:
                self.compressed = gzip.compress(self.body, compresslevel=1, mtime=0)
            return self.compressed
