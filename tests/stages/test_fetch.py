import http.server
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from classifier.backbone import pretrained
from classifier.common.errors import StageError
from stages import fetch
from tests.project import ROOT

CONTENT = np.random.default_rng(0).bytes(3_000_000)
REMEDY = f"Put {pretrained.FILE} (md5 {pretrained.MD5}) at "


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT at /whole, its first half as if it were whole at /half, nothing elsewhere."""

    def do_GET(self) -> None:
        if self.path not in ("/whole", "/half"):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        half = len(CONTENT) // 2
        self.wfile.write(CONTENT if self.path == "/whole" else CONTENT[:half])

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def md5(tmp_path_factory):
    path = tmp_path_factory.mktemp("md5") / "content"
    path.write_bytes(CONTENT)
    return pretrained.digest(path, "md5")


def failure(place, url, md5):
    with pytest.raises(StageError) as info:
        fetch.imagenet(place, url, md5)
    (said,) = info.value.messages
    assert not place.exists() and not list(place.parent.glob("*"))
    return said


def test_a_download_is_written_whole(server, md5, tmp_path):
    place = tmp_path / "keras" / "models" / "weights.h5"
    assert fetch.imagenet(place, f"{server}/whole", md5) == place
    assert place.read_bytes() == CONTENT
    assert list(place.parent.iterdir()) == [place]


def test_what_keras_has_downloaded_is_used(md5, tmp_path):
    (tmp_path / "weights.h5").write_bytes(CONTENT)
    assert fetch.imagenet(tmp_path / "weights.h5", "http://127.0.0.1:1/", md5).exists()


def test_no_network_is_said_with_the_remedy(md5, tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/whole"
        said = failure(tmp_path / "weights.h5", url, md5)
    assert said.startswith("no ImageNet weights: download failed (")
    assert REMEDY in said and "or to random to try things out" in said


def test_a_server_that_never_answers_is_said(md5, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "TIMEOUT", 0.3)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/whole"
        assert "download failed (timed out)" in failure(tmp_path / "weights.h5", url, md5)


def test_a_missing_file_on_the_server_is_said(server, md5, tmp_path):
    said = failure(tmp_path / "weights.h5", f"{server}/gone", md5)
    assert "download failed (Not Found)" in said and REMEDY in said


def test_a_half_download_is_said(server, md5, tmp_path):
    said = failure(tmp_path / "weights.h5", f"{server}/half", md5)
    assert "it broke off after 1,500,000 of 3,000,000 bytes" in said and REMEDY in said


def test_a_wrong_hash_is_said(server, tmp_path):
    said = failure(tmp_path / "weights.h5", f"{server}/whole", "0" * 32)
    assert "md5 must be 00000000000000000000000000000000; got " in said and REMEDY in said


def test_a_wrong_file_in_the_place_of_the_download_is_said_and_kept(tmp_path):
    place = tmp_path / "weights.h5"
    place.write_bytes(b"something else")
    with pytest.raises(StageError, match=f"delete {place} to have it downloaded again"):
        fetch.imagenet(place)
    assert place.read_bytes() == b"something else"


def test_a_full_disk_is_said(server, md5, tmp_path, full_disk):
    said = failure(tmp_path / "weights.h5", f"{server}/whole", md5)
    assert "the disk is full; free some space" in said


def test_the_output_itself_is_no_local_file():
    with pytest.raises(StageError, match="must be a file of yours elsewhere"):
        fetch.Params("models/pretrained.h5", 1)


def test_keras_home_comes_before_the_users_home(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert fetch.keras_folder() == tmp_path / "models"
    monkeypatch.delenv("KERAS_HOME")
    assert fetch.keras_folder() == Path.home() / ".keras" / "models"


def test_a_local_file_becomes_the_weights(inside, set_param, random_weights, capsys):
    set_param("fetch.weights", str(random_weights))
    fetch.main()
    assert (inside / "models" / "pretrained.h5").read_bytes() == random_weights.read_bytes()
    assert capsys.readouterr().out.startswith("fetch: ")


@pytest.mark.parametrize("content", [None, b"no HDF5"])
def test_a_local_file_that_cannot_be_is_refused(content, inside, set_param):
    if content:
        (inside / "mine.h5").write_bytes(content)
    set_param("fetch.weights", "mine.h5")
    with pytest.raises(StageError, match=r"must be an? \.?(h5|HDF5) file"):
        fetch.main()
    assert not list((inside / "models").glob("*"))


def test_random_weights_are_seeded(random_weights, tmp_path):
    fetch.write_random(tmp_path / "same.h5", seed=5)
    fetch.write_random(tmp_path / "other.h5", seed=2)
    assert (tmp_path / "same.h5").read_bytes() == random_weights.read_bytes()
    with h5py.File(tmp_path / "other.h5") as other, h5py.File(random_weights) as first:
        kernel = "conv2d/conv2d/kernel"
        assert np.abs(other[kernel][()] - first[kernel][()]).max() > 0.1


def test_random_weights_are_said_to_be_for_trying_only(inside, set_param, capsys):
    set_param("fetch.weights", "random")
    fetch.main()
    assert "random weights (untrained: for trying things out only)" in capsys.readouterr().out


def test_without_network_the_stage_ends_at_once_with_one_line(inside):
    closed = {"https_proxy": "http://127.0.0.1:9", "no_proxy": "", "KERAS_HOME": str(inside)}
    done = subprocess.run(
        [sys.executable, "-m", "stages.fetch"],
        env={**os.environ, **closed, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: no ImageNet weights: download failed (")
    assert f"{REMEDY}{inside / 'models' / pretrained.FILE}, or set fetch.weights" in line
