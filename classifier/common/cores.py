"""How many processor cores this process may use."""

import contextlib
import math
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

PROC, CGROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")


@lru_cache
def count() -> int:
    """Returns the number of cores: those of its CPU affinity, fewer under a quota of its cgroup.

    `os.cpu_count()` is the whole machine's: in a container with 2 of 64 cores it gives 64.
    """
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(1, min([cores, *quotas(PROC, CGROUPS)]))


def limit() -> int:
    """Returns `count()` if it is less than the machine has, else 0: let the library decide."""
    return count() if count() < (os.cpu_count() or 1) else 0


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Lets each thread compute on one core: with more, the last bits would depend on it."""
    import scipy.linalg  # noqa: F401  its BLAS must be loaded to be limited
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield


def quotas(proc: Path, cgroups: Path) -> Iterator[int]:
    """Yields the CPU quotas of a process's cgroups and their parents, in cores, rounded up.

    Args:
        proc: the process's /proc/<pid>/cgroup.
        cgroups: where the cgroup file systems are mounted.
    """
    with contextlib.suppress(OSError):
        for line in proc.read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers and "cpu" not in controllers.split(","):
                continue
            mount = cgroups / controllers  # version 2 has no controllers here
            group = Path(path.lstrip("/"))
            for folder in (group, *group.parents):
                yield from _quota(mount / folder)


def _quota(folder: Path) -> Iterator[int]:
    with contextlib.suppress(OSError, ValueError):
        if (v2 := folder / "cpu.max").exists():
            quota, period = v2.read_text(encoding="utf-8").split()
        else:
            names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
            quota, period = ((folder / name).read_text(encoding="utf-8") for name in names)
        if float(quota) > 0:  # `max` in version 2 is no number, -1 in version 1 is no limit
            yield math.ceil(float(quota) / float(period))
