import sys

import pytest

from classifier.cluster import connection
from classifier.cluster.connection import Cluster
from classifier.common.errors import StageError
from tests.ray_cluster import free_port, needs_ray

PARAM = "extract.run_on"


@pytest.mark.parametrize("value", ["", "auto", "ray://10.0.0.1:10001", "10.0.0.1", ":6379"])
def test_the_address_of_the_head_must_be_set(value, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", value)
    with pytest.raises(StageError, match=rf"^RAY_ADDRESS: must be .*<port>; got '{value}': see "):
        connection.address()


def test_addresses_may_be_names_or_of_version_6(monkeypatch):
    for value, expected in (("head:6379", "head"), ("[2001:db8::1]:6379", "2001:db8::1")):
        monkeypatch.setenv("RAY_ADDRESS", value)
        assert connection.address() == (expected, 6379)


def test_without_ray_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    rule = r"params.yaml: extract.run_on: ray needs the package ray; run `pip install 'ray==2.60"
    with pytest.raises(StageError, match=rule):
        Cluster(PARAM)


@pytest.mark.slow
@needs_ray
def test_a_head_that_does_not_answer_is_an_error_at_once(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.2:{free_port()}")
    with pytest.raises(StageError, match="RAY_ADDRESS: the head of the cluster must answer there"):
        Cluster(PARAM)
