"""Who sends a request: this page, another program, or another site in the user's browser."""

from collections.abc import Mapping
from urllib.parse import urlsplit


def host_name(header: str) -> str:
    """Returns the name in a header Host, which may have a port; empty if it is malformed."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


def is_cross_site(headers: Mapping[str, str]) -> bool:
    """Tells whether the page of another site made the browser send a POST.

    Browsers send Sec-Fetch-Site to this machine and to secure addresses, and Origin with every
    POST; other programs need not send either.
    """
    if site := headers.get("Sec-Fetch-Site"):
        return site not in ("same-origin", "none")
    origin = headers.get("Origin")
    return origin is not None and origin.partition("://")[2] != headers.get("Host")
