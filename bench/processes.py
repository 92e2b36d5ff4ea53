"""CPU time and memory of processes, from /proc."""

import os
from pathlib import Path

TICK: int = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of one process and its threads, in seconds."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def family_cpu_seconds(pid: int) -> float:
    """Return the CPU time of a postmaster, its children, and its ended children."""
    fields = _stat(pid)
    mine = sum(int(field) for field in fields[11:15]) / TICK
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return mine + sum(_or_nothing(int(child)) for child in children)


def resident_bytes(pid: int) -> tuple[int, int]:
    """Now, and at most so far."""
    found = {}
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in ("VmRSS", "VmHWM"):
            found[name] = int(value.split()[0]) * 1024
    return found["VmRSS"], found["VmHWM"]


def _or_nothing(pid: int) -> float:
    try:
        return cpu_seconds(pid)
    except (FileNotFoundError, ProcessLookupError):
        return 0.0  # it has just ended; its parent counts it from now on


def _stat(pid: int) -> list[str]:
    """The fields after the name, which may hold anything: [11] is utime, [13] cutime."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
