"""Downloads from a server on this machine that does what is asked of it."""

import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from classifier.images.decode import ImageError
from classifier.serving import downloads


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/gone":
            self.send_error(404)
            return
        if self.path == "/local":
            self.send_response(302)
            self.send_header("Location", "file:///etc/hostname")
            self.end_headers()
            return
        self.send_response(200)
        self.end_headers()
        for _ in range(50 if self.path == "/slow" else 1):
            self.wfile.write(b"abc")
            self.wfile.flush()
            time.sleep(0.05 * (self.path == "/slow"))

    def log_message(self, *_):
        pass

    def handle(self):
        with suppress(OSError):  # the client may stop reading
            super().handle()


@pytest.fixture(scope="module")
def address():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def failure(address: str, path, **limits) -> tuple[str, str]:
    with pytest.raises(ImageError) as error:
        downloads.download(address, path, **{"max_bytes": 1000, **limits})
    return error.value.code, error.value.detail


def test_what_is_at_an_address_is_written_to_a_file(address, tmp_path):
    downloads.download(f"{address}/a.jpg", tmp_path / "a", 3)
    assert (tmp_path / "a").read_bytes() == b"abc"


def test_bytes_and_seconds_are_bounded(address, tmp_path):
    assert failure(f"{address}/a.jpg", tmp_path / "a", max_bytes=2)[0] == "too_large"
    assert failure(f"{address}/slow", tmp_path / "a", seconds=0.2)[0] == "too_slow"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/gone", "the server answers 404"),
        ("/local", "the server answers 302"),
        ("/a b", "cannot be"),
    ],
)
def test_what_cannot_be_downloaded_is_unreadable(path, reason, address, tmp_path):
    code, detail = failure(f"{address}{path}", tmp_path / "a")
    assert code == "unreadable" and reason in detail
    assert failure("http://127.0.0.1:1/", tmp_path / "a")[0] == "unreadable"


def test_only_http_and_https_are_addresses():
    assert downloads.is_address("HTTPS://example.org/a.jpg")
    assert not any(map(downloads.is_address, ("file:///a.jpg", "ftp://a/b", "a.jpg", "http:/a")))
