"""CPU time of this process: what it got, what it waited for, and what its cgroup held back."""

import os
from dataclasses import dataclass
from pathlib import Path
from threading import get_native_id

NS = 1e-9
LINE = 128
"""Bytes; three numbers take fewer."""
# cgroup v2 counts microseconds, v1 nanoseconds. In a container its own cgroup is the root.
CPU_STAT = (
    (Path("/sys/fs/cgroup/cpu.stat"), "throttled_usec", 1e-6),
    (Path("/sys/fs/cgroup/cpu/cpu.stat"), "throttled_time", NS),
    (Path("/sys/fs/cgroup/cpu,cpuacct/cpu.stat"), "throttled_time", NS),
)


@dataclass(frozen=True, slots=True)
class CpuTime:
    """Seconds since the start; None where the system does not tell."""

    run: float | None
    """The thread was running."""
    run_delay: float | None
    """The thread could have run, but waited for a core."""
    throttled: float | None
    """The cgroup was held back by its CPU limit."""


def cpu_time() -> CpuTime:
    """Read the times of the calling thread and of its cgroup."""
    run, run_delay = schedstat(f"/proc/self/task/{get_native_id()}/schedstat")
    return CpuTime(run, run_delay, _throttled())


def schedstat(path: str) -> tuple[float | None, float | None]:
    """Read how many seconds a thread ran and waited for a core."""
    try:
        # As short as it can be: it is read after each query to a server on this host.
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            run, delay, *_ = os.read(file, LINE).split()
        finally:
            os.close(file)
        return int(run) * NS, int(delay) * NS
    except (OSError, ValueError):
        return None, None


def _throttled() -> float | None:
    for path, name, unit in CPU_STAT:
        try:
            lines = path.read_text(encoding="ascii").splitlines()
        except (OSError, ValueError):
            continue
        for line in lines:
            key, _, value = line.partition(" ")
            if key == name and value.isdecimal():
                return int(value) * unit
    return None
