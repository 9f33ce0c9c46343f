import socket
import subprocess
import sys
import time

import pytest

from classifier.cluster import access
from classifier.cluster.connection import Cluster
from classifier.common.errors import StageError
from tests.project import ROOT
from tests.ray_cluster import LocalCluster, needs_ray

PARAM = "extract.run_on"
ALONE = ["unshare", "--map-root-user", "--net", "sh", "-c"]  # without any network
IS_ALONE = "from classifier.cluster import access; print(access.is_alone())"
JOIN = """
import os, ray  # before the tests' own import, which sets a token
from classifier.cluster.connection import Cluster
from tests.ray_cluster import LocalCluster
cluster = LocalCluster(token="")
os.environ.update(cluster.environment)
Cluster("extract.run_on")
print("joined")
ray.shutdown()
cluster.close()
"""


def can_be_alone() -> bool:
    """Tells whether a process may have a network of its own here, with loopback in it."""
    try:
        return subprocess.run([*ALONE, "ip link set lo up"], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


needs_namespaces = pytest.mark.skipif(
    not can_be_alone(), reason="a process may not have a network of its own here (unshare, ip)"
)


def run_alone(script: str) -> str:
    command = f"ip link set lo up && RAY_AUTH_MODE=disabled exec {sys.executable} -c '{script}'"
    done = subprocess.run([*ALONE, command], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@needs_namespaces
def test_a_machine_whose_addresses_are_all_loopback_is_alone():
    assert run_alone(IS_ALONE) == "True"


def test_a_machine_with_another_address_is_not_alone():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # of documentation; nothing is sent
        except OSError:
            pytest.skip("this machine has no network")
        assert not probe.getsockname()[0].startswith("127.")
    assert not access.is_alone()


@pytest.mark.slow
@needs_ray
@needs_namespaces
def test_without_a_token_a_cluster_is_joined_where_nobody_else_reaches_it():
    assert run_alone(JOIN.replace("'", '"')) == "joined"


@pytest.mark.slow
@needs_ray
@pytest.mark.parametrize("own", ["wrong", "none"])
def test_another_token_is_refused_at_once(own, monkeypatch):
    cluster = LocalCluster()
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    if own == "wrong":
        monkeypatch.setenv("RAY_AUTH_TOKEN", "0" * 64)
    else:
        monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    started = time.monotonic()
    with pytest.raises(StageError, match="RAY_AUTH_TOKEN: must be the token of the cluster at "):
        Cluster(PARAM)
    assert time.monotonic() - started < 60
    cluster.close()


@pytest.mark.slow
@needs_ray
def test_a_cluster_that_is_open_to_everybody_is_refused_even_with_a_token(monkeypatch):
    cluster = LocalCluster(token="")
    for name, value in (cluster.environment | {"RAY_AUTH_MODE": "token"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0" * 64)
    with pytest.raises(StageError, match="RAY_ADDRESS: the cluster must ask for a token, else "):
        Cluster(PARAM)
    cluster.close()
