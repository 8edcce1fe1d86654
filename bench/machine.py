"""What the figures were measured on, and how much of it others took meanwhile."""

from __future__ import annotations

import os
import platform
import resource
from pathlib import Path

_STAT = Path("/proc/stat")
_IDLE = (3, 4)
MAX_QUIET_SHARE = 0.05


class CpuMeter:
    """Counts processor time from its making on; what we started counts once it has ended."""

    def __init__(self) -> None:
        self._total, self._busy = _cpu_seconds()
        self._ours = _own_cpu_seconds()

    def others_share(self) -> float | None:
        """Which part of all processor time went to programs that are not ours."""
        total, busy = _cpu_seconds()
        passed = total - self._total
        if not passed:
            return None
        return max(0.0, (busy - self._busy) - (_own_cpu_seconds() - self._ours)) / passed


def describe_machine() -> str:
    """One line."""
    return f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def _cpu_seconds() -> tuple[float, float]:
    """All processor time since the start, and what of it was not idle, in seconds."""
    if not _STAT.exists():
        return 0.0, 0.0
    ticks = [int(each) for each in _STAT.read_text().splitlines()[0].split()[1:9]]
    idle = sum(ticks[each] for each in _IDLE)
    second = os.sysconf("SC_CLK_TCK")
    return sum(ticks) / second, (sum(ticks) - idle) / second


def _own_cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)
