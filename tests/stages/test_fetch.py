import hashlib
import http.server
import os
import socket
import subprocess
import sys
import threading
import time
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
REMEDY = f"Download {pretrained.URL} (87.9 MB, md5 {pretrained.MD5}) elsewhere and copy it to "


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT at /whole and /moved, half of it at /half and /stalled, nothing elsewhere."""

    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/whole")
            self.end_headers()
        elif self.path in ("/whole", "/half", "/stalled"):
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            half = len(CONTENT) // 2
            self.wfile.write(CONTENT if self.path == "/whole" else CONTENT[:half])
            if self.path == "/stalled":
                time.sleep(1)
        else:
            self.send_error(404)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


MD5 = hashlib.md5(CONTENT).hexdigest()


def failure(place, url, md5=MD5):
    with pytest.raises(StageError) as info:
        fetch.imagenet(place, url, md5)
    (message,) = info.value.messages
    assert not list(place.parent.iterdir())
    return message


@pytest.mark.parametrize("path", ["whole", "moved"])
def test_a_download_is_written_whole(path, server, tmp_path, capfd):
    place = tmp_path / "keras" / "models" / "weights.h5"
    assert fetch.imagenet(place, f"{server}/{path}", MD5) == place
    assert place.read_bytes() == CONTENT
    assert list(place.parent.iterdir()) == [place]
    assert capfd.readouterr() == ("", "")  # the progress bar is for terminals


def test_a_file_downloaded_by_keras_is_used(tmp_path):
    (tmp_path / "weights.h5").write_bytes(CONTENT)
    assert fetch.imagenet(tmp_path / "weights.h5", "http://127.0.0.1:1/", MD5).exists()


def test_a_refused_connection_is_reported_with_the_remedy(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/whole"
        message = failure(tmp_path / "weights.h5", url)
    assert message.startswith("no ImageNet weights: download failed ([Errno ")
    assert f"{REMEDY}{tmp_path / 'weights.h5'}, or set fetch.weights in params.yaml" in message


def test_a_server_that_never_answers_is_a_timeout(tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "TIMEOUT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/whole"
        assert "download failed (timed out)" in failure(tmp_path / "weights.h5", url)


def test_a_server_that_stops_sending_is_a_timeout(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "TIMEOUT", 0.3)
    assert "download failed (timed out)" in failure(tmp_path / "weights.h5", f"{server}/stalled")


def test_a_file_missing_on_the_server_is_reported(server, tmp_path):
    message = failure(tmp_path / "weights.h5", f"{server}/gone")
    assert "download failed (Not Found)" in message and REMEDY in message


def test_an_interrupted_download_is_reported(server, tmp_path):
    message = failure(tmp_path / "weights.h5", f"{server}/half")
    assert "connection closed after 1,500,000 of 3,000,000 bytes" in message and REMEDY in message


def test_a_wrong_hash_is_reported(server, tmp_path):
    message = failure(tmp_path / "weights.h5", f"{server}/whole", "0" * 32)
    assert f"md5 must be {'0' * 32}; got {MD5}: run again" in message and REMEDY in message


def test_a_wrong_file_at_the_place_of_the_download_is_reported_and_kept(tmp_path):
    place = tmp_path / "weights.h5"
    place.write_bytes(b"something else")
    with pytest.raises(StageError, match=f"delete {place} to download it again"):
        fetch.imagenet(place)
    assert place.read_bytes() == b"something else"


def test_a_full_disk_is_reported(server, tmp_path, full_disk):
    message = failure(tmp_path / "weights.h5", f"{server}/whole")
    assert "the disk is full; free some space" in message


def test_the_output_is_refused_as_a_local_file():
    with pytest.raises(StageError, match=r"must be a file other than the output models/pretr"):
        fetch.Params("models/pretrained.h5", 1)


def test_keras_home_takes_precedence_over_the_home_folder(monkeypatch, tmp_path):
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
def test_a_missing_or_invalid_local_file_is_refused(content, inside, set_param):
    if content:
        (inside / "mine.h5").write_bytes(content)
    set_param("fetch.weights", "mine.h5")
    with pytest.raises(StageError, match=r"must be an? \.?(h5|HDF5) file"):
        fetch.main()
    assert not list((inside / "models").glob("*"))


def test_a_local_file_that_reads_others_is_refused(inside, set_param):
    with h5py.File(inside / "mine.h5", "w") as file:
        file["conv2d"] = h5py.ExternalLink("/etc/secret.h5", "/")
    set_param("fetch.weights", "mine.h5")
    with pytest.raises(StageError, match=r"mine\.h5: must contain all of its data"):
        fetch.main()
    assert not list((inside / "models").glob("*"))


@pytest.mark.slow
def test_random_weights_are_seeded(random_weights, tmp_path):
    fetch.write_random(tmp_path / "same.h5", seed=5)
    fetch.write_random(tmp_path / "other.h5", seed=2)
    assert (tmp_path / "same.h5").read_bytes() == random_weights.read_bytes()
    with h5py.File(tmp_path / "other.h5") as other, h5py.File(random_weights) as first:
        kernel = "conv2d/conv2d/kernel"
        assert np.abs(other[kernel][()] - first[kernel][()]).max() > 0.1


def test_random_weights_are_marked_as_untrained(inside, set_param, capsys):
    set_param("fetch.weights", "random")
    fetch.main()
    assert "fetch: random weights (untrained: for smoke tests only), " in capsys.readouterr().out


def test_without_a_network_the_stage_fails_at_once_with_one_line(inside):
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
