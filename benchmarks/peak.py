"""A process's own peak memory."""

import inspect


def mebibytes() -> float:
    """Returns the peak memory of this process in MiB.

    On Linux a child inherits the peak that getrusage reports, so the kernel's own number is read.
    """
    import re
    import resource
    import sys
    from pathlib import Path

    if sys.platform == "linux":
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024  # type: ignore[index]
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


CODE = f"""
import resource
{inspect.getsource(mebibytes)}
print(mebibytes())
"""  # for a process that cannot import this
