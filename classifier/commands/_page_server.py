"""What the commands that serve a page have in common: options, address, start and end."""

import argparse
import errno
import signal
import socket
import sys
import webbrowser
from typing import TYPE_CHECKING

from classifier.common.errors import StageError

if TYPE_CHECKING:
    from classifier.serving.http_server import Server

LOCALHOST = "127.0.0.1"
LOCAL_NAMES = (LOCALHOST, "localhost", "::1")


def add_options(parser: argparse.ArgumentParser, port: int) -> None:
    """Adds the options for the address and the browser."""
    parser.add_argument("--host", default=LOCALHOST, help=f"default: {LOCALHOST}")
    help_ = f"default: {port}; 0: any free port"
    parser.add_argument("--port", type=int, default=port, help=help_)
    parser.add_argument("--open", action="store_true", help="open the page in the browser")


def check_options(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Ends the command if there can be no such port."""
    if not 0 <= args.port < 65536:
        parser.error(f"argument --port: must be 0 to 65535; got {args.port}")


def prepare(command: str) -> None:
    """Makes SIGTERM end the process in order; a StageError names a package that is missing."""
    try:
        import flask  # noqa: F401
        import waitress  # noqa: F401
    except ImportError as error:
        raise StageError(
            f"python -m classifier {command}: needs {error.name}; run `pip install flask waitress`"
        ) from None
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())


def open_listener(args: argparse.Namespace) -> socket.socket:
    """Returns a socket that listens at the address; a StageError says why it cannot."""
    from classifier.serving import http_server

    try:
        return http_server.listen(args.host, args.port)
    except (OSError, ValueError) as error:
        of_port = getattr(error, "errno", None) in (errno.EADDRINUSE, errno.EACCES)
        reason = str(getattr(error, "strerror", None) or error).partition(" (while")[0]
        raise StageError(
            f"{args.host}:{args.port}: cannot listen there ({reason}); choose another "
            f"--{'port' if of_port else 'host'}"
        ) from None


def host_names(args: argparse.Namespace, listener: socket.socket) -> set[str]:
    """Returns the names under which the page may be addressed; if empty, any."""
    from classifier.serving import http_server

    local = http_server.is_loopback(listener)
    return {*LOCAL_NAMES, args.host.lower()} if local else set()


def run(server: "Server", args: argparse.Namespace, address: str, line: str) -> None:
    """Prints a line, opens the page in the browser if asked to, and serves until Ctrl-C."""
    print(line, flush=True)
    if args.open:
        webbrowser.open(address)
    server.run()
