import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from classifier.serving.batcher import Batcher


def test_each_thread_gets_its_own_result_and_waiting_items_share_a_call():
    sizes, go = [], threading.Event()

    def squares(items):
        go.wait(5)
        sizes.append(len(items))
        return [item**2 for item in items]

    with closing(Batcher(squares, 1, 4)) as batcher, ThreadPoolExecutor(20) as pool:
        futures = [pool.submit(batcher.result, number) for number in range(20)]
        end = time.monotonic() + 5
        while batcher._waiting.qsize() < 16 and time.monotonic() < end:
            time.sleep(0.01)
        go.set()
        assert [future.result(5) for future in futures] == [number**2 for number in range(20)]
    assert sum(sizes) == 20 and max(sizes) == 4 and len(sizes) <= 8


def test_an_error_is_that_of_all_items_of_the_call_and_the_next_one_works():
    def inverse(items):
        return [1 / item for item in items]

    with closing(Batcher(inverse, 2, 4)) as batcher:
        with pytest.raises(ZeroDivisionError):
            batcher.result(0)
        assert batcher.result(4) == 0.25
