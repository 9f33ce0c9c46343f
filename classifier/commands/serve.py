"""A page to drop images on and see their classes: `python -m classifier serve --help`.

Reads   models/base, models/head, results/features_train.npz, and input for the images shown
Writes  nothing
"""

import argparse
import errno
import webbrowser
from typing import TYPE_CHECKING, Any

from classifier import head
from classifier.common import params
from classifier.common.errors import StageError, run_main
from classifier.dataset import features
from classifier.evaluation import predictions
from classifier.html.markup import Markup
from classifier.images.limits import LimitParams
from classifier.inference import base
from classifier.serving import service, web_page
from classifier.serving.classifier import Classifier
from classifier.serving.inputs import ImageSource
from classifier.serving.service import ClassifierService

if TYPE_CHECKING:
    from flask import Flask

LOCAL = "127.0.0.1"
THREADS = 8  # that wait for browsers; one image is looked at after the other
NAMES = 30  # of classes, said on the page
HEADERS = {
    "Content-Security-Policy": web_page.POLICY,
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def arguments() -> argparse.Namespace:
    """Returns what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m classifier serve",
        description="Open a page to drop images on and see which classes they are of.",
        epilog="Without --host only this machine can reach the page; with it, anyone who can "
        "reach the address. The page has no password.",
    )
    parser.add_argument("--host", default=LOCAL, help=f"address to listen at (default {LOCAL})")
    parser.add_argument("--port", type=int, default=7860, help="default 7860; 0: any free one")
    parser.add_argument(
        "--max-megabytes", type=int, default=100, help="of one upload (default 100)"
    )
    parser.add_argument("--open", action="store_true", help="open the page in the browser")
    asked = parser.parse_args()
    if asked.max_megabytes < 1:
        parser.error(f"argument --max-megabytes: must be 1 or more; got {asked.max_megabytes}")
    if not 0 <= asked.port < 65536:
        parser.error(f"argument --port: must be 0 to 65535; got {asked.port}")
    return asked


def about(class_names: tuple[str, ...], like: bool) -> str:
    """Returns what the page says of the classifier."""
    names = ", ".join(class_names[:NAMES]) + ", ..." * (len(class_names) > NAMES)
    said = f"It knows {len(class_names):,} classes, and says one of them of any image: {names}."
    lacking = " results/features_train.npz is not there, so similar images are not shown."
    return said if like else said + lacking


def build(
    answers: ClassifierService, said: str, warning: str, max_bytes: int, hosts: list[str]
) -> "Flask":
    """Returns the page's server.

    Args:
        answers: makes the answers.
        said: of the classifier.
        warning: said besides, or empty.
        max_bytes: of a request.
        hosts: names by which it may be asked for; none: any.
    """
    from flask import Flask, Response, request

    app = Flask("classifier serve", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = max_bytes
    app.config["TRUSTED_HOSTS"] = hosts or None
    style = "".join(path.read_text(encoding="utf-8") for path in web_page.STYLES)
    script = web_page.SCRIPT.read_text(encoding="utf-8")
    too_large = f"more than {max_bytes / 1e6:,.0f} MB; --max-megabytes is the limit"

    def reply(content: str, kind: str = "text/html", status: int = 200) -> Response:
        return Response(content, status, HEADERS, mimetype=kind)

    def cards() -> Markup:
        sent = (file for file in request.files.getlist("images") if file.filename)
        return web_page.cards(
            answers.answers(ImageSource(file.filename or "", file.read()) for file in sent)
        )

    def page() -> Response:
        shown = cards() if request.method == "POST" else Markup("")
        return reply(web_page.page(said, warning, shown, max_bytes))

    app.add_url_rule("/", "page", page, methods=["GET", "POST"])
    app.add_url_rule("/answers", "answers", lambda: reply(cards()), methods=["POST"])
    app.add_url_rule("/style.css", "style", lambda: reply(style, "text/css"))
    app.add_url_rule("/script.js", "script", lambda: reply(script, "text/javascript"))
    app.register_error_handler(413, lambda _: reply(too_large, "text/plain", 413))
    return app


def serve(app: "Flask", host: str, port: int) -> Any:
    """Returns the server, which listens already.

    Raises:
        StageError: the address cannot be used.
    """
    from waitress import create_server

    largest = 2 * app.config["MAX_CONTENT_LENGTH"]  # beyond which it does not even listen
    try:
        return create_server(
            app, host=host, port=port, threads=THREADS, max_request_body_size=largest, ident=None
        )
    except (OSError, ValueError) as error:
        busy = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        remedy = "choose another --port" if busy else "choose another --host"
        said = getattr(error, "strerror", None) or error
        raise StageError(f"{host}:{port}: cannot listen there ({said}); {remedy}") from None


def main() -> None:
    """Serves the page until Ctrl-C."""
    asked = arguments()
    try:
        import flask  # noqa: F401
        import waitress  # noqa: F401
    except ImportError as error:
        raise StageError(
            f"python -m classifier serve: needs {error.name}; run `pip install flask waitress`"
        ) from None
    limits = params.load("validate", LimitParams, partial=True).limits()
    top_k = params.load("predict", predictions.TopKParams, partial=True).top_k
    classifier = Classifier(base.FOLDER, head.FOLDER, limits)
    like = service.similar_images_of(features.TRAIN, head.FOLDER)
    said = about(classifier.class_names, like is not None)
    warning = classifier.warning.removeprefix("; ")
    hosts = [LOCAL, "localhost"] if asked.host == LOCAL else []
    answers = ClassifierService(classifier, like, limits, top_k)
    app = build(answers, said, warning, 1_000_000 * asked.max_megabytes, hosts)
    server = serve(app, asked.host, asked.port)
    address = f"http://{server.effective_host}:{server.effective_port}"
    print(f"app: {address} (Ctrl-C stops it){classifier.warning}", flush=True)
    if asked.open:
        webbrowser.open(address)
    server.run()


if __name__ == "__main__":
    run_main(main)
