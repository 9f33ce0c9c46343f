"""A web server on this machine that serves a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder, but not what is in `refused`, and without the sizes in `unsized`."""

    def send_head(self):
        if self.path.endswith("/refused/"):
            self.send_error(403)
            return None
        return super().send_head()

    def send_header(self, keyword, value):
        if keyword != "Content-Length" or "/unsized/" not in self.path:
            super().send_header(keyword, value)


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serves a folder; yields its address."""
    handler = partial(Handler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http_server:
        thread = Thread(target=http_server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{http_server.server_port}"
        http_server.shutdown()
        thread.join()
