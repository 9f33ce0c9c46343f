import platform
import subprocess
import sys

import pytest

COUNT = """
import ctypes, sys, threading
from stages.train import heap
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
