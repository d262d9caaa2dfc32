"""How many of the machine's cores this process may use, and how many of them nobody uses now.

Asked where work is dealt out to processes or threads. The engine reads nothing here but what the system says of its
own processors.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path

from lstm_tui.engine.whole_number import whole_number

_RUNNING = Path("/proc/loadavg")
_QUOTAS = (("cpu.max", ""), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"))
"""Where a container says how much time its processes may take of each period, in both generations of control groups."""
_GROUPS = Path("/sys/fs/cgroup")
_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")


@cache
def own_cache_bytes() -> int | None:
    """Return how large the largest cache is that a core has to itself; None where the system does not say."""
    found = []
    try:
        for level in _CACHES.glob("index*"):
            alone = whole_number((level / "shared_cpu_list").read_text("ascii").strip()) is not None
            size = (level / "size").read_text("ascii").strip()
            if alone and size.endswith("K"):
                found.append(int(size[:-1]) * 1024)
    except (OSError, ValueError):
        return None
    return max(found, default=None)


def usable_cores() -> int:
    """Return how many cores this process may use: no more than it is bound to, or than its container may take."""
    bound = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return max(min(bound, _quota()), 1)


def idle_cores() -> int:
    """Return how many cores this process may use that nobody uses at this moment, its own threads included.

    Where the system does not say what runs, it is all but one.
    """
    usable = usable_cores()
    if usable == 1:
        return 0
    try:
        running = int(_RUNNING.read_text("ascii").split()[3].partition("/")[0])
    except (OSError, ValueError, IndexError):
        running = 1
    return max(min(usable - 1, (os.cpu_count() or usable) - running), 0)


@cache
def _quota() -> int:
    """Return how many cores' time the processes of this container may take; more than there are where nobody says."""
    for quota, period in _QUOTAS:
        try:
            numbers = (_GROUPS / quota).read_text("ascii").split()
            numbers += (_GROUPS / period).read_text("ascii").split() if period else []
            allowed, of = (float(one) for one in numbers)
            if allowed > 0 < of:
                return max(int(allowed // of), 1)
        except (OSError, ValueError):  # there is none, or it is "max"
            continue
    return sys.maxsize
