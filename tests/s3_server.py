"""A real S3 server on this machine."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import pytest

from tests.ray_cluster import free_port

needs_s3 = pytest.mark.skipif(
    not (find_spec("moto") and find_spec("s3fs")), reason="needs moto[server] and s3fs"
)


@contextmanager
def bucket(name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Starts a server with a bucket, to which the environment leads; yields fsspec's access."""
    import s3fs

    port = free_port()
    for variable, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
    }.items():
        monkeypatch.setenv(variable, value)
    command = [sys.executable, "-m", "moto.server", "-p", str(port)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet, env=os.environ) as server:
        try:
            deadline = time.monotonic() + 60
            while True:
                try:
                    s3fs.S3FileSystem.clear_instance_cache()
                    storage = s3fs.S3FileSystem(endpoint_url=os.environ["AWS_ENDPOINT_URL"])
                    storage.mkdir(name)
                    break
                except OSError:
                    assert time.monotonic() < deadline
                    time.sleep(0.5)
            yield storage
        finally:
            server.kill()
