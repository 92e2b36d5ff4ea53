"""Heap of the C library: one for all threads, and long blocks go back to the system when freed.

By default each thread gets a heap of its own, which the others can't use, and a block of any size
that was freed once stays for later ones. Pages of metrics and long answers are large and gone
soon, so a process that watches many servers held a seventh more memory than it needed.
"""

import ctypes

ARENA_MAX, MMAP_THRESHOLD = -8, -3
"""Options of `mallopt` in glibc."""
LONG = 64 * 1024
"""Bytes from which a block is mapped by itself."""


def share_heap() -> bool:
    """Set this for the process, before it starts threads; False where the library has no such
    options, as musl has none."""
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):
        return False
    return bool(library.mallopt(ARENA_MAX, 1) and library.mallopt(MMAP_THRESHOLD, LONG))
