"""Images at http and https addresses, with bounds on their bytes and seconds."""

import time
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path

from classifier.images.decode import ImageError

SCHEMES = ("http://", "https://")
SILENCE = 10.0  # seconds without a byte
SECONDS = 60.0  # in all
CHUNK = 2**16
HEADERS = {"User-Agent": "image-classifier"}


def is_address(path: str) -> bool:
    """Tells whether a path is an address to download."""
    return path.lower().startswith(SCHEMES)


def download(address: str, path: Path, max_bytes: int, seconds: float = SECONDS) -> None:
    """Writes what is at the address to a file.

    Raises:
        ImageError: `too_large`, `too_slow` or `unreadable`.
    """
    end = time.monotonic() + seconds
    try:
        request = urllib.request.Request(address, headers=HEADERS)
        timeout = min(SILENCE, seconds)
        with _opener().open(request, timeout=timeout) as answer, path.open("wb") as file:
            while data := answer.read1(CHUNK):
                if file.write(data) and file.tell() > max_bytes:
                    raise ImageError("too_large", f"more than {max_bytes:,} bytes")
                if time.monotonic() > end:
                    raise ImageError("too_slow", f"the download took more than {seconds:g} seconds")
    except urllib.error.HTTPError as error:
        with error:
            raise ImageError("unreadable", f"the server answers {error.code}") from None
    except TimeoutError:
        raise ImageError("too_slow", f"no byte within {timeout:g} seconds") from None
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, TimeoutError):
            raise ImageError("too_slow", f"no answer within {timeout:g} seconds") from None
        raise ImageError("unreadable", f"cannot be downloaded ({reason})") from None


def _opener() -> urllib.request.OpenerDirector:
    """Returns what opens http and https only, also where a server redirects to other schemes."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.UnknownHandler,
    ):
        opener.add_handler(handler())
    return opener
