import threading
import time

import pytest

from classifier.serving.admission import Admission, Capacity, RefusedError


def admission(concurrency=1, queue=0, per_client=0, patience=5.0) -> Admission:
    return Admission(Capacity(concurrency, queue, per_client, patience))


def status(one: Admission, client: str = "a") -> int:
    with pytest.raises(RefusedError) as refused, one.admit(client):
        pass
    return refused.value.status


def test_a_request_beyond_the_queue_is_refused_and_comes_in_later():
    one = admission()
    with one.admit("a"):
        assert (one.open, status(one)) == (1, 503)
    with one.admit("a"):
        pass
    assert one.open == 0


def test_a_request_waits_for_its_turn_but_not_for_ever():
    one = admission(queue=1, patience=0.05)
    with one.admit("a"):
        started = time.monotonic()
        assert status(one) == 503
        assert 0.04 < time.monotonic() - started < 2
    assert one.open == 0


def test_one_address_cannot_take_all_places():
    one = admission(concurrency=3, per_client=1)
    with one.admit("a"):
        assert status(one, "a") == 429
        with one.admit("b"):
            assert one.open == 2


def test_no_more_than_allowed_are_worked_on_at_the_same_time():
    one, now, most = admission(concurrency=2, queue=8), [], []

    def work():
        with one.admit("a"):
            now.append(1)
            most.append(len(now))
            time.sleep(0.01)
            now.pop()

    threads = [threading.Thread(target=work) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(most), max(most), one.open) == (10, 2, 0)
