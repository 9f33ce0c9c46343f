"""The answers to the requests of `python -m classifier serve`: the page and the JSON service."""

import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flask import Response, g, jsonify, request

from classifier.html.markup import Markup
from classifier.serving import openapi, request_metrics, web_page
from classifier.serving.admission import Admission
from classifier.serving.inputs import STDIN, ImageSource
from classifier.serving.observer import OTHER, Observer
from classifier.serving.reloading import Reloading
from classifier.serving.service import ClassifierService
from classifier.serving.writers import printable

VERSION = "1"  # of the interface
FORM = "multipart/form-data"
NO_IMAGE = "no image in the field `images` of a form"
STATUSES = {  # of an answer without any prediction, by the problem of its first image
    "too_large": 413,
    "not_an_image": 415,
    "unsupported": 415,
    "busy": 503,
}


def text(message: str, status: int) -> Response:
    """Returns an answer for people."""
    return Response(message, status, mimetype="text/plain")


@dataclass(frozen=True)
class Views:
    """What is answered; all methods are called while a request is handled.

    Attributes:
        services: the classifier.
        admission: of requests with images.
        observer: of all requests.
        max_bytes: of a request, which the page names.
    """

    services: Reloading[ClassifierService]
    admission: Admission
    observer: Observer
    max_bytes: int

    def begin(self) -> None:
        """Starts what `end` and `release` finish."""
        g.started, g.images, g.held = time.perf_counter(), 0, ExitStack()

    def end(self, response: Response) -> None:
        """Notes the request."""
        route = request.url_rule.rule if request.url_rule else OTHER
        seconds, client = time.perf_counter() - g.started, request.remote_addr or ""
        told = request.method, request.path, response.status_code, seconds, route, g.images
        self.observer.request(client, *told)

    def release(self, _: BaseException | None) -> None:
        """Frees what the request has held."""
        g.held.close()

    def page(self) -> str:
        """Returns the page, with results if a form was sent."""
        service, results = self._service(), Markup("")
        if request.method == "POST":
            results = service.cards(self._sources(), self._wants_heat_maps)
        warning = "; ".join(filter(None, (service.warning, self.services.outdated)))
        why = self._wants_heat_maps() if service.explains else None
        return web_page.page(service.description(), warning, results, self.max_bytes, why)

    def cards(self) -> str | Response:
        """Returns results for the script of the page."""
        cards = self._service().cards(self._sources(), self._wants_heat_maps)
        return cards or text(NO_IMAGE, 400)

    def classify(self) -> Response:
        """Returns predictions as JSON."""
        top_k = request.args.get("top_k")
        if top_k is not None and not (top_k.isdecimal() and int(top_k)):
            return text(f"top_k must be a whole number, 1 or more; got {printable(top_k)}", 400)
        if request.mimetype != FORM and not is_image_type(request.mimetype):
            rule = f"must be {FORM}, image/... or {openapi.IMAGE_TYPES[1]}"
            got = printable(request.mimetype) or "none"
            return text(f"Content-Type {rule}; got {got}", 415)
        items = self._service().items(self._sources(), int(top_k or 0))
        if not items:
            return text(NO_IMAGE, 400)
        response = jsonify(items)
        response.status_code = status(items)
        return response

    def health(self) -> Response:
        """Returns that requests are answered."""
        return jsonify(status="ok", classes=len(self._service().info.class_names))

    def metrics(self) -> Response:
        """Returns the metrics for Prometheus."""
        gauges = {
            "open_requests": ("Requests with images, worked on or waiting.", self.admission.open),
            "model_outdated": ("1 while a newer model waits.", int(bool(self.services.outdated))),
        }
        counts = self.observer.metrics.text(gauges)
        return Response(counts, content_type=request_metrics.TYPE)

    def openapi(self) -> Response:
        """Returns the OpenAPI document."""
        return jsonify(self._document())

    def docs(self) -> str:
        """Returns the page that describes the service."""
        return openapi.page(self._document(), request.host_url.rstrip("/"))

    def _document(self) -> dict[str, Any]:
        return openapi.document(self._service().info.class_names, VERSION)

    def _wants_heat_maps(self) -> bool:
        return web_page.WHY in request.form

    def _service(self) -> ClassifierService:
        """Returns the classifier, which stays open until the request is answered."""
        return g.held.enter_context(self.services.lease())

    def _sources(self) -> Iterator[ImageSource]:
        """Yields the images of the request, each written to a file before; waits for its turn."""
        g.held.enter_context(self.admission.admit(request.remote_addr or ""))
        folder = Path(g.held.enter_context(TemporaryDirectory()))
        if is_image_type(request.mimetype):
            uploads = [(STDIN, request.stream)]
        else:
            files = request.files.getlist("images")
            uploads = [(str(file.filename), file.stream) for file in files if file.filename]
        g.images = len(uploads)
        for number, (name, stream) in enumerate(uploads):
            path = folder / str(number)
            with path.open("wb") as file:
                shutil.copyfileobj(stream, file)
            yield ImageSource(name, path)


def is_image_type(mimetype: str) -> bool:
    """Tells whether the body of a request is an image itself."""
    return mimetype.startswith("image/") or mimetype in openapi.IMAGE_TYPES


def status(items: list[dict[str, Any]]) -> int:
    """Returns the status of an answer: 200 if any image has a prediction."""
    if any(item["status"] == "ok" for item in items):
        return 200
    return STATUSES.get(items[0]["status"], 422)
