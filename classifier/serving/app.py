"""The web application: which path is answered by which view, and what is refused."""

import errno
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, request

from classifier.serving import origins, web_page
from classifier.serving.admission import RefusedError
from classifier.serving.views import Views, text

MAX_FILES = 1000  # in a request
MORE = f"more than {MAX_FILES:,} files, or a long text; send fewer at once"
RETRY_SECONDS = "1"  # after which a client that was refused may try again
HEADERS = {
    "Content-Security-Policy": web_page.POLICY,
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def create_app(views: Views, hosts: set[str]) -> Flask:
    """Returns the application; it may be addressed under the names in `hosts`; if empty, any."""
    app = Flask("classifier serve", static_folder=None)
    app.config["MAX_FORM_PARTS"] = MAX_FILES
    app.json.sort_keys = False  # type: ignore[attr-defined]
    style = "".join(path.read_text(encoding="utf-8") for path in web_page.STYLES)
    script = web_page.SCRIPT.read_text(encoding="utf-8")
    routes: dict[str, tuple[Callable[[], Any], str]] = {
        "/": (views.page, "GET POST"),
        "/cards": (views.cards, "POST"),
        "/classify": (views.classify, "POST"),
        "/healthz": (views.health, "GET"),
        "/metrics": (views.metrics, "GET"),
        "/openapi.json": (views.openapi, "GET"),
        "/docs": (views.docs, "GET"),
        "/style.css": (lambda: Response(style, mimetype="text/css"), "GET"),
        "/script.js": (lambda: Response(script, mimetype="text/javascript"), "GET"),
    }
    for path, (view, methods) in routes.items():
        app.add_url_rule(path, path, view, methods=methods.split())

    @app.before_request
    def begin() -> Response | None:
        views.begin()
        return refusal(hosts)

    @app.after_request
    def end(response: Response) -> Response:
        response.headers.update(HEADERS)
        if response.status_code in (429, 503):
            response.headers["Retry-After"] = RETRY_SECONDS
        views.end(response)
        return response

    app.teardown_request(views.release)
    app.register_error_handler(RefusedError, lambda refused: text(refused.message, refused.status))
    app.register_error_handler(413, lambda _: text(MORE, 413))
    app.register_error_handler(OSError, full_disk)
    return app


def refusal(hosts: set[str]) -> Response | None:
    """Returns the answer to a request that was not sent to this page, or not by it."""
    if hosts and origins.host_name(request.headers.get("Host", "")) not in hosts:
        return text("open the page at the address that was printed at its start", 400)
    if request.method == "POST" and origins.is_cross_site(dict(request.headers)):
        return text("another site may not send images to this page", 403)
    return None


def full_disk(error: OSError) -> Response:
    """Returns the answer if the disk is full; other errors are raised."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        raise error
    return text("the disk of the server is full", 507)
