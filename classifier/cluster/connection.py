"""A connection to a Ray cluster; address and token are in Ray's own environment variables.

A cluster that others can reach without a token is refused: see access.py.
"""

import os
import re
import socket
import time
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from classifier.cluster import access
from classifier.cluster.access import GUIDE
from classifier.common.errors import StageError

CONNECT_SECONDS = 5.0
LOST_SECONDS = 20.0  # without the head; after 60 Ray ends this process without a word
TASKS_PER_CORE = 2  # one runs, the next waits
ASK_SECONDS = 2.0  # between two looks at the cluster
ANSWER = 1_500_000  # bytes of an answer; larger ones are objects, at three times the cost
PACKAGES = ("classifier", "stages")  # that the workers get from here


def address() -> tuple[str, int]:
    """Returns host and port of the head, from RAY_ADDRESS."""
    text = os.environ.get("RAY_ADDRESS", "")
    host, _, port = text.rpartition(":")
    if not host or "/" in host or not port.isdecimal():
        rule = "must be the address of the head of a Ray cluster, <host>:<port>"
        raise StageError(f"RAY_ADDRESS: {rule}; got {text!r}: see {GUIDE}")
    return host.strip("[]"), int(port)


class Cluster:
    """A connection to the cluster; one per process.

    Args:
        param: that asks for a cluster, with its section.

    Attributes:
        ray: the package.
        cores: number of processor cores of the workers.

    Raises:
        StageError: there is no such package or cluster, or it is open to everybody.
    """

    def __init__(self, param: str) -> None:
        self.ray = _package(param)
        self.cores = 0
        self._head = address()
        self._seen = time.monotonic()
        self._asked = -ASK_SECONDS
        name = os.environ["RAY_ADDRESS"]
        if not _answers(self._head):
            rule = "the head of the cluster must answer there; start it, or correct the address"
            raise StageError(f"RAY_ADDRESS: {rule}; got {name!r}: see {GUIDE}")
        access.require_token(name)
        folder = Path(__file__).parents[2]
        workers = {
            "py_modules": [str(folder / package) for package in PACKAGES],
            "env_vars": {"RAY_max_direct_call_object_size": str(ANSWER)},
        }
        options = {"log_to_driver": False, "logging_level": "ERROR", "runtime_env": workers}
        try:
            self.ray.init(address=name, **options)
        except (OSError, RuntimeError, ValueError, self.ray.exceptions.RayError) as error:
            raise StageError(f"RAY_ADDRESS: cannot join {name}: {one_line(error)}") from None

    def ask(self) -> bool:
        """Asks from time to time how many cores there are, and tells whether that has changed.

        Raises:
            StageError: the head has not answered for LOST_SECONDS.
        """
        now = time.monotonic()
        if now - self._asked < ASK_SECONDS:
            return False
        self._asked, before = now, self.cores
        if _answers(self._head):  # else Ray would wait for it
            self._seen = now
            self.cores = int(self.ray.cluster_resources().get("CPU", 0))
        elif now - self._seen > LOST_SECONDS:
            raise StageError(
                f"{os.environ['RAY_ADDRESS']}: the head of the Ray cluster has stopped; start the "
                "cluster again, then run `dvc repro`: what was computed is cached"
            )
        return self.cores != before

    @property
    def slots(self) -> int:
        """Returns how many tasks to have asked for; one lets a cluster grow that has no cores."""
        return max(1, TASKS_PER_CORE * self.cores)

    def batch_size(self, most: int, estimate: int) -> int:
        """Returns how many of about `estimate` items to ask for at once, so that all cores work."""
        self.ask()
        return max(1, min(most, estimate // self.slots))

    def wait(self, tasks: Iterable[Any]) -> list[Any]:
        """Returns tasks that have ended; none if none does so within ASK_SECONDS."""
        tasks = list(tasks)
        done, _ = self.ray.wait(tasks, timeout=ASK_SECONDS)
        return list(done)


def one_line(error: BaseException) -> str:
    """Returns the message of an error of Ray's: its first line."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), repr(error))


def node(error: BaseException) -> str:
    """Returns which node an error of a task comes from: Ray names it only in the text."""
    found = re.search(r"\b(?:ip=|Node IP: )([^,)\s]+)", str(error))
    return f"node {found[1]}" if found else "a node of the cluster"


def this_node() -> str:
    """Returns the address of the machine whose worker calls this."""
    name: str = import_module("ray").util.get_node_ip_address()
    return name


def _package(param: str) -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")  # it prints a paragraph per lost worker
    try:
        return import_module("ray")
    except ModuleNotFoundError:
        rule = "needs the package ray; run `pip install 'ray==2.60.*'`"
        raise StageError(f"params.yaml: {param}: ray {rule}, or set it to here") from None


def _answers(head: tuple[str, int]) -> bool:
    try:
        socket.create_connection(head, CONNECT_SECONDS).close()
    except OSError:
        return False
    return True
