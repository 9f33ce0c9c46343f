import threading
import time

import pytest

from classifier.common import parallel


def test_the_last_batch_may_be_shorter():
    assert list(parallel.batched(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(parallel.batched([], 2)) == []


def test_results_come_in_the_order_of_the_items():
    def work(number: int) -> int:
        time.sleep(0.01 * (number % 3))
        return number

    assert list(parallel.prefetch_map(work, range(20), workers=4, prefetch=8)) == list(range(20))


def test_no_more_than_prefetch_items_are_started_ahead():
    started = []
    results = parallel.prefetch_map(started.append, range(1000), workers=2, prefetch=5)
    next(results)
    time.sleep(0.05)
    assert len(started) <= 5


def test_work_goes_on_while_a_result_is_used():
    second = threading.Event()
    results = parallel.prefetch_map(
        lambda n: second.set() if n else None, [0, 1], workers=1, prefetch=2
    )
    next(results)
    assert second.wait(5)


def test_an_exception_is_raised_at_its_item():
    results = parallel.prefetch_map(lambda number: 1 / number, [1, 0, 2], workers=2, prefetch=3)
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)
