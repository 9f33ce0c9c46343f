"""What the tests of stages on a cluster do not show: the function and its items alone."""

import os
import signal
import time

import pytest

from classifier.cluster.connection import Cluster
from classifier.cluster.tasks import ATTEMPTS, Tasks
from classifier.common import parallel
from classifier.common.errors import StageError
from tests.ray_cluster import NODES, needs_ray

pytestmark = [pytest.mark.slow, needs_ray]


def work(shared, items):
    for item in items:
        if item == "deadly":
            os.kill(os.getpid(), signal.SIGKILL)
        if item == "faulty":
            raise LookupError("first line\nsecond line")
        if item == "dear":
            raise StageError("it costs too much")
    time.sleep(0.1)
    return [shared + item for item in items]


def make_tasks(lost=()):
    return Tasks(Cluster("a.param"), work, "x", lambda text: None, lambda *item: lost.append(item))


def results(tasks, items):
    batches = parallel.batched(items, 3)
    return sorted(one for _, answer in tasks.map(batches) for one in answer)


def test_an_item_that_ends_its_workers_is_handed_back_and_its_fellows_are_done(cluster):
    lost = []
    found = results(make_tasks(lost), ["a", "deadly", *"bcdefg"])
    assert found == [f"x{name}" for name in "abcdefg"]
    assert lost == [("deadly", f"it ended its worker {ATTEMPTS} times")]


def test_errors_of_tasks_are_one_line_each_that_names_the_node(cluster):
    with pytest.raises(StageError) as raised:
        results(make_tasks(), ["dear", "a", "b", "faulty"])
    nodes = "|".join(NODES)
    assert any(m.endswith(": it costs too much") for m in raised.value.messages)
    for message in raised.value.messages:
        node, _, text = message.partition(": ")
        assert node.removeprefix("node ") in nodes
        assert text in ("it costs too much", "LookupError: first line")
