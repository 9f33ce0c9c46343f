"""A web page that classifies images: `python -m classifier serve --help`.

Reads   models/base, models/head, results/features_train.npz, and input for thumbnails
Writes  nothing
"""

import argparse
import errno
import socket
import tempfile
import webbrowser
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from classifier.common.errors import StageError
from classifier.html.markup import Markup
from classifier.serving import origins, web_page
from classifier.serving.inputs import ImageSource
from classifier.serving.service import ClassifierService

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug.datastructures import FileStorage

LOCALHOST = "127.0.0.1"
LOCAL_NAMES = (LOCALHOST, "localhost", "::1")
MAX_FILES = 1000  # in an upload
HEADERS = {
    "Content-Security-Policy": web_page.POLICY,
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
EPILOG = """
example: python -m classifier serve --open

By default, only this machine can open the page. With --host 0.0.0.0, every machine in the network
can; the page has no password.
"""


def parse_args() -> argparse.Namespace:
    """Returns the arguments of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m classifier serve",
        description="Serve a web page that classifies the images dropped on it.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default=LOCALHOST, help=f"default: {LOCALHOST}")
    parser.add_argument("--port", type=int, default=7860, help="default: 7860; 0: any free port")
    parser.add_argument(
        "--max-megabytes", type=int, default=100, metavar="N", help="per upload (default: 100)"
    )
    parser.add_argument("--open", action="store_true", help="open the page in the browser")
    args = parser.parse_args()
    if args.max_megabytes < 1:
        parser.error(f"argument --max-megabytes: must be 1 or more; got {args.max_megabytes}")
    if not 0 <= args.port < 65536:
        parser.error(f"argument --port: must be 0 to 65535; got {args.port}")
    return args


def create_app(service: ClassifierService, max_bytes: int, hosts: set[str]) -> "Flask":
    """Returns the application; the page names the limit; it accepts `hosts`: if empty, any."""
    from flask import Flask, Response, request

    app = Flask("classifier serve", static_folder=None)
    app.config["MAX_FORM_PARTS"] = MAX_FILES
    style = "".join(path.read_text(encoding="utf-8") for path in web_page.STYLES)
    script = web_page.SCRIPT.read_text(encoding="utf-8")
    description = service.description()
    more = f"more than {MAX_FILES:,} files, or a long text; send fewer at once"

    def text(message: str, status: int) -> Response:
        return Response(message, status, mimetype="text/plain")

    def uploads() -> list["FileStorage"]:
        return [file for file in request.files.getlist("images") if file.filename]

    def cards(files: list["FileStorage"]) -> Markup:
        with tempfile.TemporaryDirectory() as folder:
            return service.cards(saved(files, Path(folder, "image")))

    def page() -> str:
        results = cards(uploads()) if request.method == "POST" else Markup("")
        return web_page.page(description, service.warning(), results, max_bytes)

    def classify() -> str | Response:
        files = uploads()
        return cards(files) if files else text("no image in the field `images` of a form", 400)

    @app.before_request
    def refuse() -> Response | None:
        if hosts and origins.host_name(request.headers.get("Host", "")) not in hosts:
            return text("open the page at the address that `serve` has printed", 400)
        if request.method == "POST" and origins.is_cross_site(dict(request.headers)):
            return text("another site may not send images to this page", 403)
        return None

    @app.errorhandler(413)
    def too_many(_: Exception) -> Response:
        return text(more, 413)

    @app.errorhandler(OSError)
    def no_space(error: OSError) -> Response:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise error
        return text("the disk of the server is full", 507)

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers.update(HEADERS)
        return response

    app.add_url_rule("/", "page", page, methods=["GET", "POST"])
    app.add_url_rule("/classify", "classify", classify, methods=["POST"])
    app.add_url_rule("/style.css", "style", lambda: Response(style, mimetype="text/css"))
    app.add_url_rule("/script.js", "script", lambda: Response(script, mimetype="text/javascript"))
    return app


def saved(uploads: Iterable["FileStorage"], path: Path) -> Iterator[ImageSource]:
    """Yields the uploads one by one, each written to `path` before."""
    for upload in uploads:
        upload.save(path)
        yield ImageSource(str(upload.filename), path)


def open_listener(host: str, port: int) -> socket.socket:
    """Returns a socket that listens at the address; a StageError says why it cannot."""
    from classifier.serving import http_server

    try:
        return http_server.listen(host, port)
    except (OSError, ValueError) as error:
        of_port = getattr(error, "errno", None) in (errno.EADDRINUSE, errno.EACCES)
        reason = str(getattr(error, "strerror", None) or error).partition(" (while")[0]
        raise StageError(
            f"{host}:{port}: cannot listen there ({reason}); choose another "
            f"--{'port' if of_port else 'host'}"
        ) from None


def main() -> None:
    """Serves the page until Ctrl-C."""
    args = parse_args()
    try:
        import flask  # noqa: F401
        import waitress  # noqa: F401
    except ImportError as error:
        raise StageError(
            f"python -m classifier serve: needs {error.name}; run `pip install flask waitress`"
        ) from None
    from classifier.serving import http_server

    max_bytes = 1_000_000 * args.max_megabytes
    with open_listener(args.host, args.port) as listener, closing(ClassifierService()) as service:
        local = http_server.is_loopback(listener)
        app = create_app(service, max_bytes, {*LOCAL_NAMES, args.host.lower()} if local else set())
        too_large = f"more than {args.max_megabytes:,} MB; --max-megabytes sets the limit"
        server = http_server.Server(app, listener, max_bytes, too_large)
        address = http_server.url(listener)
        print(f"serve: {address} (press Ctrl-C to stop){service.info.warning}", flush=True)
        if args.open:
            webbrowser.open(address)
        server.run()
