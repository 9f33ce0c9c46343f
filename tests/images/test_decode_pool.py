"""What a worker may do wrong, and what becomes of workers when the parent ends."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing

import psutil
import pytest

from classifier.images.decode import ImageError
from classifier.images.decode_pool import DecodePool
from tests.project import ROOT

MAX_PIXELS = 10**6
PARENT = """
import sys, time
from classifier.images.decode_pool import DecodePool
if __name__ == "__main__":
    pool = DecodePool(10**6, 1)
    print(pool.call(__import__("os").getpid, seconds=30), flush=True)
    pool.call(time.sleep, 1000, seconds=1000)
"""

FIRST = """
import os, sys
from pathlib import Path
from classifier.images.decode_pool import DecodePool
if __name__ == "__main__":
    pool = DecodePool(10**6, 1)
    status = Path("/proc", str(pool.call(os.getpid, seconds=30)), "status").read_text()
    print(int(status.split("SigBlk:")[1].split()[0], 16))
    pool.close()
"""


def crash() -> None:
    ctypes.string_at(0)


def hang() -> None:
    time.sleep(1000)


def fill_memory() -> int:
    return len(bytearray(10**11))


def fail() -> None:
    raise LookupError("a fault of the function")


def failure(pool: DecodePool, function, seconds: float = 30) -> str:
    with pytest.raises(ImageError) as caught:
        pool.call(function, seconds=seconds)
    return caught.value.code


def test_a_worker_that_crashes_hangs_or_is_too_large_is_replaced():
    with closing(DecodePool(MAX_PIXELS, 1)) as pool:
        first = pool.call(os.getpid, seconds=30)
        assert pool.call(os.getpid, seconds=30) == first != os.getpid()
        assert failure(pool, fill_memory) == "too_large"
        assert failure(pool, crash) == "crashed"
        assert failure(pool, hang, 0.1) == "too_slow"
        assert pool.call(os.getpid, seconds=30) != first


def test_a_worker_that_was_killed_while_idle_fails_no_image():
    with closing(DecodePool(MAX_PIXELS, 1)) as pool:
        psutil.Process(pool.call(os.getpid, seconds=30)).kill()
        time.sleep(0.1)
        assert pool.call(os.getpid, seconds=30)


def test_an_error_of_the_function_is_raised():
    with closing(DecodePool(MAX_PIXELS, 1)) as pool, pytest.raises(LookupError, match="a fault"):
        pool.call(fail, seconds=30)


def test_who_waits_too_long_for_a_worker_is_told_so():
    with closing(DecodePool(MAX_PIXELS, 1)) as pool:
        thread = threading.Thread(target=failure, args=(pool, hang, 1))
        thread.start()
        time.sleep(0.5)
        with pytest.raises(ImageError, match="busy: other slow images"):
            pool.call(os.getpid, seconds=30, patience=0.1)
        thread.join()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists blocked signals")
def test_ctrl_c_is_blocked_in_a_worker_from_the_first_one_on(tmp_path):
    (tmp_path / "first.py").write_text(FIRST)
    command, env = [sys.executable, tmp_path / "first.py"], {**os.environ, "PYTHONPATH": str(ROOT)}
    blocked = int(subprocess.run(command, env=env, stdout=subprocess.PIPE, check=True).stdout)
    assert blocked & 1 << signal.SIGINT - 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_worker_outlives_its_parent(number, tmp_path):
    (tmp_path / "parent.py").write_text(PARENT)
    command = [sys.executable, str(tmp_path / "parent.py")]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as parent:
        worker = psutil.Process(int(parent.stdout.readline()))
        parent.send_signal(number)
        psutil.wait_procs([worker], timeout=10)
        assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE
