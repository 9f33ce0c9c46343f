"""The web application of `python -m classifier label`."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from flask import Flask, Response, jsonify, request

from classifier.common.errors import StageError
from classifier.html import markup, thumbnails
from classifier.images.decode import ImageError
from classifier.images.decode_pool import DecodePool
from classifier.labelling import page, page_requests
from classifier.labelling.page_requests import WrongError, person, places, string
from classifier.labelling.session import Session
from classifier.serving import app as serving_app
from classifier.serving.views import text

SIDES = {"small": 224, "large": 1280}  # pixels
SECONDS = 10.0  # that decoding an image may take
KEPT = 2000  # small images in memory
HEADERS = {
    "Content-Security-Policy": page.POLICY,
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def create_app(session: Session, hosts: set[str], max_pixels: int, pool: DecodePool) -> Flask:
    """Returns the application.

    Args:
        session: that is labelled in.
        hosts: names under which it may be addressed; if empty, any.
        max_pixels: of an image.
        pool: decodes images.
    """
    app = Flask("classifier label", static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    style = "".join(path.read_text(encoding="utf-8") for path in (markup.STYLE, page.STYLE))
    script = page.SCRIPT.read_text(encoding="utf-8")

    @lru_cache(KEPT)
    def small(path: str) -> bytes:
        return pool.call(thumbnails.webp_of_file, path, max_pixels, SIDES["small"], seconds=SECONDS)

    def image(size: str, place: int) -> Response:
        if not 0 <= place < len(session.files):
            return text("there is no such image", 404)
        path = str(session.files[place].path)
        try:
            data = (
                small(path)
                if size == "small"
                else pool.call(
                    thumbnails.webp_of_file, path, max_pixels, SIDES["large"], seconds=SECONDS
                )
            )
        except ImageError as error:
            return text(error.detail, 422)
        return Response(data, mimetype="image/webp") if data else text("cannot be read", 404)

    def ask(kind: str) -> Response:
        who = person(request.args)
        asked = {
            "image": session.next_image,
            "group": session.next_group,
            "finding": session.next_finding,
        }
        return jsonify(item=asked[kind](who), status=session.status(who))

    def answer(action: str) -> Response:
        body = page_requests.body(request.get_json(silent=True))
        who = person(body)
        result: object = None
        match action:
            case "label":
                session.label(who, places(body), string(body, "label"))
            case "exclude":
                session.label(who, places(body), "", exclude=True)
            case "skip":
                session.skip(who, places(body))
            case "undo":
                result = session.undo(who)
            case "split":
                result = session.split(places(body))
        return jsonify(result=result, status=session.status(who))

    routes: dict[str, Callable[..., Any]] = {
        "/": lambda: page.page(),
        "/style.css": lambda: Response(style, mimetype="text/css"),
        "/script.js": lambda: Response(script, mimetype="text/javascript"),
        "/status": lambda: jsonify(status=session.status(person(request.args))),
        "/next/<any(image, group, finding):kind>": ask,
        "/images/<any(small, large):size>/<int:place>": image,
    }
    for path, view in routes.items():
        app.add_url_rule(path, path, view)
    post = "/<any(label, exclude, skip, undo, split):action>"
    app.add_url_rule(post, post, answer, methods=["POST"])

    app.before_request(lambda: serving_app.refusal(hosts))

    @app.after_request
    def end(response: Response) -> Response:
        cached = "private, max-age=3600" if response.mimetype == "image/webp" else "no-store"
        response.headers.update({**HEADERS, "Cache-Control": cached})
        return response

    app.register_error_handler(WrongError, lambda error: text(str(error), 400))
    app.register_error_handler(StageError, lambda error: text(str(error), 409))
    return app


def start(session: Session, hosts: set[str], max_pixels: int) -> tuple[Flask, DecodePool]:
    """Returns the application, and the processes to close at the end."""
    pool = DecodePool(max_pixels)
    pool.start()
    return create_app(session, hosts, max_pixels, pool), pool
