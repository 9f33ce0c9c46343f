import platform
import subprocess
import sys
from pathlib import Path

import pytest

COUNT = """
import ctypes, sys, threading
from classifier.common import heap
if "share" in sys.argv:
    heap.share()
together = threading.Barrier(4)
def allocate():
    held = bytes(100_000)
    together.wait()
threads = [threading.Thread(target=allocate) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
c = ctypes.CDLL(None)
c.fdopen.restype = ctypes.c_void_p
c.malloc_info(0, ctypes.c_void_p(c.fdopen(1, b"w")))
c.fflush(None)
"""


def heaps(*arguments: str) -> int:
    """Returns how many heaps glibc has after four threads have allocated."""
    command = [sys.executable, "-c", COUNT, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.count(
        "<heap "
    )


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has heaps by thread")
def test_threads_share_a_heap():
    assert heaps() > 1
    assert heaps("share") == 1


KEPT = """
import os
import sys
import numpy as np
from pathlib import Path
from classifier.common import heap
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
if "return" in sys.argv:
    heap.return_above(heap.SMALL)
np.ones(31_000_000, np.uint8)  # after it arrays of this size come from the heap
arrays = [np.ones(2_000_000, np.uint8) for _ in range(40)]
before, last = resident(), arrays[-1]
del arrays
print(before - resident())
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux tells it there")
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has the option")
def test_large_arrays_are_returned_when_they_are_deleted():
    returned = [
        int(subprocess.check_output([sys.executable, "-c", KEPT, *arguments]))
        for arguments in ((), ("return",))
    ]
    assert returned[0] < 10_000_000 and returned[1] > 70_000_000


TRIMMED = """
import os
from pathlib import Path
from classifier.common import heap
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
small = [bytes(50_000) for _ in range(1000)]
last = bytes(50_000)  # at the end of the heap
before = resident()
del small
heap.trim()
print(before - resident())
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux tells it there")
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has the function")
def test_what_the_heap_keeps_can_be_returned():
    returned = int(subprocess.check_output([sys.executable, "-c", TRIMMED]))
    assert returned > 30_000_000
