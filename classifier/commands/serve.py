"""A web page that classifies images: `python -m classifier serve --help`.

Reads   models/base, models/head, results/features_train.npz, and input for thumbnails
Writes  nothing
"""

import argparse
import errno
import webbrowser
from typing import TYPE_CHECKING, Any

from classifier.common.errors import StageError
from classifier.html.markup import Markup
from classifier.serving import web_page
from classifier.serving.inputs import ImageSource
from classifier.serving.service import ClassifierService

if TYPE_CHECKING:
    from flask import Flask

LOCALHOST = "127.0.0.1"
THREADS = 8  # connections; images are classified one request at a time
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


def create_app(service: ClassifierService, max_bytes: int, hosts: list[str]) -> "Flask":
    """Returns the application; it accepts `max_bytes` per request, and `hosts`: if empty, any."""
    from flask import Flask, Response, request

    app = Flask("classifier serve", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = max_bytes
    app.config["TRUSTED_HOSTS"] = hosts or None
    style = "".join(path.read_text(encoding="utf-8") for path in web_page.STYLES)
    script = web_page.SCRIPT.read_text(encoding="utf-8")
    too_large = f"more than {max_bytes / 1e6:,.0f} MB; --max-megabytes sets the limit"
    description, warning = service.description(), service.info.warning.removeprefix("; ")

    def respond(content: str, mimetype: str = "text/html", status: int = 200) -> Response:
        return Response(content, status, HEADERS, mimetype=mimetype)

    def cards() -> Markup:
        uploads = (file for file in request.files.getlist("images") if file.filename)
        return service.cards(ImageSource(str(file.filename), file.read()) for file in uploads)

    def page() -> Response:
        results = cards() if request.method == "POST" else Markup("")
        return respond(web_page.page(description, warning, results, max_bytes))

    app.add_url_rule("/", "page", page, methods=["GET", "POST"])
    app.add_url_rule("/classify", "classify", lambda: respond(cards()), methods=["POST"])
    app.add_url_rule("/style.css", "style", lambda: respond(style, "text/css"))
    app.add_url_rule("/script.js", "script", lambda: respond(script, "text/javascript"))
    app.register_error_handler(413, lambda _: respond(too_large, "text/plain", 413))
    return app


def listen(app: "Flask", host: str, port: int) -> Any:
    """Returns a server that listens at the address; a StageError says why it cannot."""
    from waitress import create_server

    # beyond this, waitress closes the connection before the page can explain the limit
    largest = 2 * app.config["MAX_CONTENT_LENGTH"]
    try:
        return create_server(
            app, host=host, port=port, threads=THREADS, max_request_body_size=largest, ident=None
        )
    except (OSError, ValueError) as error:
        option = "port" if getattr(error, "errno", None) == errno.EADDRINUSE else "host"
        reason = getattr(error, "strerror", None) or error
        raise StageError(
            f"{host}:{port}: cannot listen there ({reason}); choose another --{option}"
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
    service = ClassifierService()
    hosts = [LOCALHOST, "localhost"] if args.host == LOCALHOST else []
    app = create_app(service, 1_000_000 * args.max_megabytes, hosts)
    server = listen(app, args.host, args.port)
    address = f"http://{server.effective_host}:{server.effective_port}"
    print(f"serve: {address} (press Ctrl-C to stop){service.info.warning}", flush=True)
    if args.open:
        webbrowser.open(address)
    server.run()
