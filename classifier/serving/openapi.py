"""What the service answers, as an OpenAPI document and as a page for people."""

from collections.abc import Sequence
from typing import Any

from classifier.html.markup import Markup, join, table, tag
from classifier.serving import request_metrics

IMAGE_TYPES = ("image/*", "application/octet-stream")
PROBABILITIES = {"type": "object", "additionalProperties": {"type": "number"}}
ITEM = {
    "type": "object",
    "required": ["path", "status"],
    "properties": {
        "path": {"type": "string", "description": "file name as sent; - for a bare image"},
        "status": {"type": "string", "description": "ok, or the code of its problem"},
        "predicted": {"type": "string", "description": "a class, unknown or uncertain"},
        "probabilities": {**PROBABILITIES, "description": "by class, the most probable first"},
        "novelty": {
            "type": ["number", "null"],
            "description": "how unlike the training images it is; 0 is usual",
        },
        "detail": {"type": "string", "description": "why it cannot be read"},
    },
}
ITEMS = {"type": "array", "items": {"$ref": "#/components/schemas/Prediction"}}
REFUSALS = {
    400: "the request is malformed, or has no image",
    403: "sent by the page of another site",
    413: "too many bytes, files or pixels; the text names the limit",
    415: "neither a form nor an image, or an image of an unknown format",
    422: "the image is broken, or takes too long to decode",
    429: "too many requests at once from this address; see Retry-After",
    503: "too many requests are waiting; see Retry-After",
}


def document(classes: Sequence[str], version: str) -> dict[str, Any]:
    """Returns the OpenAPI document of a classifier of these classes."""
    form = {"type": "array", "items": {"type": "string", "format": "binary"}}
    images = {"type": "object", "required": ["images"], "properties": {"images": form}}
    content: dict[str, Any] = {"multipart/form-data": {"schema": images}}
    content |= {kind: {"schema": {"type": "string", "format": "binary"}} for kind in IMAGE_TYPES}
    answers: dict[str, Any] = {
        "200": _answer("a prediction for each image, in order", "application/json", ITEMS)
    }
    for status, meaning in REFUSALS.items():
        answers[str(status)] = _answer(meaning, "text/plain", {"type": "string"})
        if status in (413, 415, 422, 503):  # where no image could be read
            answers[str(status)]["content"]["application/json"] = {"schema": ITEMS}
    top_k = {
        "name": "top_k",
        "in": "query",
        "description": "classes to list for each image; default: predict.top_k",
        "schema": {"type": "integer", "minimum": 1},
    }
    classify = {
        "summary": "Predict the classes of images",
        "parameters": [top_k],
        "requestBody": {"required": True, "content": content},
        "responses": answers,
    }
    text = {"type": "string"}
    health = _answer("ready to classify", "application/json", {"type": "object"})
    counts = _answer("counts since the start", request_metrics.TYPE, text)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Image classifier",
            "version": version,
            "description": f"Classes: {', '.join(classes)}",
        },
        "paths": {
            "/classify": {"post": classify},
            "/healthz": {"get": {"summary": "Tell whether it works", "responses": {"200": health}}},
            "/metrics": {
                "get": {"summary": "Metrics for Prometheus", "responses": {"200": counts}}
            },
        },
        "components": {"schemas": {"Prediction": ITEM}},
    }


def _answer(meaning: str, kind: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": meaning, "content": {kind: {"schema": schema}}}


def page(description: dict[str, Any], address: str) -> Markup:
    """Returns the page of an OpenAPI document; `address` is where the service answers."""
    info = description["info"]
    parts = [
        tag("h1", info["title"]),
        tag("p", info["description"]),
        tag("p", "The machine-readable description is ", _link("/openapi.json"), "."),
        tag("pre", f"curl -F images=@a.jpg -F images=@b.png {address}/classify\n"),
        tag("pre", f"curl -H 'Content-Type: image/jpeg' --data-binary @a.jpg {address}/classify\n"),
    ]
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            rows = [(status, one["description"]) for status, one in operation["responses"].items()]
            parts.append(tag("h2", f"{method.upper()} {path}"))
            parts.append(tag("p", operation["summary"]))
            parts.append(table("Answers", ("status", "meaning"), rows))
    fields = ITEM["properties"].items()  # type: ignore[attr-defined]
    rows = [(name, one["description"]) for name, one in fields]
    parts.append(table("Fields of a prediction", ("field", "meaning"), rows))
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", info["title"]),
        tag("link", rel="icon", href="data:,"),
        tag("link", rel="stylesheet", href="/style.css"),
    )
    return Markup(
        "<!doctype html>\n" + tag("html", head, tag("body", tag("main", join(parts))), lang="en")
    )


def _link(path: str) -> Markup:
    return tag("a", path, href=path)
