"""What a page sends, checked."""

from collections.abc import Sequence
from typing import Any


class WrongError(Exception):
    """What is wrong with a request, in a sentence."""


def body(sent: object) -> dict[str, Any]:
    """Returns what was sent as JSON."""
    if not isinstance(sent, dict):
        raise WrongError("must be a JSON object")
    return sent


def person(values: Any) -> str:
    """Returns the name that a page gave itself."""
    return str(values.get("who", ""))[:40]


def places(body: dict[str, Any]) -> list[int]:
    """Returns the images that a request names."""
    found = body.get("images")
    if not isinstance(found, list) or not all(type(place) is int for place in found):
        raise WrongError("images must be a list of numbers")
    return found


def string(body: dict[str, Any], name: str) -> str:
    """Returns a text of a request."""
    if not isinstance(value := body.get(name), str):
        raise WrongError(f"{name} must be a text")
    return value


def check_places(places: Sequence[int], number: int) -> None:
    """Raises a WrongError unless one or more of `number` images are named, each once."""
    if not places or len(set(places)) < len(places):
        raise WrongError("images must be named, each once")
    if not all(0 <= place < number for place in places):
        raise WrongError("there is no such image")


def check_name(name: str) -> None:
    """Raises a WrongError if a class cannot have this name, which may become that of a folder."""
    if not name.strip() or len(name) > 100 or not name.isprintable():
        raise WrongError("a class must have a name of 1 to 100 printable characters")
    if name.startswith(".") or any(sign in name for sign in '/\\:*?"<>|'):
        raise WrongError(f'a class must not begin with a dot or contain / \\ : * ? " < > |: {name}')
