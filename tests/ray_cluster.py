"""A real Ray cluster on this machine: one head and nodes of one core, on 127.0.0.2 and further."""

import contextlib
import os
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from unittest.mock import patch

import psutil
import pytest

from tests.project import ROOT

NODES = ("127.0.0.3", "127.0.0.4")
needs_ray = pytest.mark.skipif(
    not find_spec("ray"), reason="Ray is not installed (CONTRIBUTING.md)"
)
TOKEN = secrets.token_hex(32)  # one for all: Ray reads it once per process, when it is imported
ACCESS = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN}
STORE = 80_000_000  # bytes, of a node
if find_spec("ray"):
    with patch.dict(os.environ, ACCESS):
        import_module("ray")


def free_port() -> int:
    """Returns a port that nobody uses now."""
    with socket.socket() as free:
        free.bind(("127.0.0.2", 0))
        port: int = free.getsockname()[1]
        return port


class LocalCluster:
    """A head without cores; `add` starts nodes. Only processes that it started are killed."""

    def __init__(self, token: str = TOKEN) -> None:
        self.token = token  # empty: open to everybody
        self.folder = tempfile.TemporaryDirectory(prefix="ray", dir="/tmp")  # sockets: short paths
        self.nodes: dict[str, psutil.Popen] = {}
        self.port, self._client_port = free_port(), free_port()
        self.start_head()

    @property
    def environment(self) -> dict[str, str]:
        """Returns what tells Ray and `extract` where the cluster is."""
        values = {"RAY_ADDRESS": f"127.0.0.2:{self.port}", "RAY_USAGE_STATS_ENABLED": "0"}
        token = ACCESS | {"RAY_AUTH_TOKEN": self.token}
        return values | (token if self.token else {"RAY_AUTH_MODE": "disabled"})

    def start_head(self) -> None:
        """Starts the head, on 127.0.0.2."""
        options = ["--head", f"--port={self.port}", "--num-cpus=0", "--include-dashboard=false"]
        options += [
            f"--temp-dir={self.folder.name}",
            f"--ray-client-server-port={self._client_port}",
        ]
        self._start("127.0.0.2", options)

    def add(self, name: str) -> None:
        """Starts a node of one core on an address, and waits until it has joined."""
        self._start(name, [f"--address=127.0.0.2:{self.port}", "--num-cpus=1"])

    def kill(self, name: str) -> None:
        """Kills all processes of a node, without warning."""
        process = self.nodes.pop(name)
        for one in [*process.children(recursive=True), process]:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        process.wait()

    def suspend(self, name: str) -> None:
        """Stops all processes of a node without ending them."""
        for one in self.nodes[name].children(recursive=True):
            one.suspend()

    def replace_head(self, driver: subprocess.Popen[str], worker: str) -> None:
        """Kills the head under a stage, which must stop with a remedy, and starts another."""
        killed = time.monotonic()
        self.kill("127.0.0.2")
        self.suspend(worker)  # else it might do the rest before anyone misses the head
        _, message = driver.communicate(timeout=120)
        assert time.monotonic() - killed < 90
        assert driver.returncode == 1
        pattern = r"error: 127.0.0.2:\d+: the head of the Ray cluster has stopped; start the clu"
        assert re.search(pattern, message), message
        self.kill(worker)
        self.start_head()
        self.add(worker)

    def close(self) -> None:
        """Kills all nodes."""
        for name in list(self.nodes):
            self.kill(name)
        self.folder.cleanup()

    def _start(self, name: str, options: list[str]) -> None:
        log = Path(self.folder.name) / f"{name}.log"
        program = str(Path(sys.executable).with_name("ray"))
        common = [f"--node-ip-address={name}", f"--object-store-memory={STORE}", "--block"]
        with log.open("w") as file:
            self.nodes[name] = psutil.Popen(
                [program, "start", *common, *options],
                env=os.environ
                | self.environment
                | {"PYTHONPATH": str(ROOT)},  # for tests' functions
                stdout=file,
                stderr=file,
            )
        deadline = time.monotonic() + 60
        while "Ray runtime started" not in log.read_text():
            assert time.monotonic() < deadline and self.nodes[name].is_running(), log.read_text()
            time.sleep(0.1)
