import os
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from classifier.common import parallel, progress


def test_results_come_in_order_whatever_finishes_first():
    def work(number: int) -> int:
        time.sleep(0.01 * (number % 3))
        return number

    assert list(parallel.prefetch_map(work, range(20), workers=4, waiting=8)) == list(range(20))


def test_no_more_than_asked_wait_in_memory():
    started = []
    results = parallel.prefetch_map(started.append, range(1000), workers=2, waiting=5)
    next(results)
    time.sleep(0.05)
    assert len(started) <= 5


def test_work_goes_on_while_a_result_is_used():
    second = threading.Event()
    results = parallel.prefetch_map(
        lambda n: second.set() if n else None, [0, 1], workers=1, waiting=2
    )
    next(results)
    assert second.wait(5)


def test_an_error_comes_out_where_its_item_stands():
    results = parallel.prefetch_map(lambda number: 1 / number, [1, 0, 2], workers=2, waiting=3)
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_the_bar_is_silent_where_nobody_looks_on(capfd):
    with progress.bar("work", 10) as bar:
        bar.update(10)
    assert capfd.readouterr() == ("", "")


def test_on_a_terminal_the_bar_shows_rate_and_time_left():
    termios = pytest.importorskip("termios", reason="Windows has no pseudo-terminals")
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    code = "import time; from stages import progress\nwith progress.bar('work', 100) as bar:"
    code += "\n  for _ in range(20): time.sleep(0.02); bar.update()"
    subprocess.run([sys.executable, "-c", code], stderr=theirs, check=True)
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert re.search(r"work: +\d+%.*\d+/100 \[\d\d:\d\d<\d\d:\d\d, +[\d.]+ images/s\]", shown)


def test_once_computes_once_for_all_who_ask():
    calls = []

    def slow(number: int) -> int:
        calls.append(number)
        time.sleep(0.05)
        return number * 2

    once = parallel.Once(slow, 2)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(once, [3] * 8)) == [6] * 8
    assert [once(n) for n in (4, 5, 3)] == [8, 10, 6]
    assert calls == [3, 4, 5, 3]  # the oldest of three was forgotten


def test_once_hands_on_an_error():
    once = parallel.Once(int, 2)
    with pytest.raises(ValueError, match="many"):
        once("many")
