"""A web page and a JSON service that classify images: `python -m classifier serve --help`.

Reads   models/base, models/head, results/features_train, and input for thumbnails; with
        --model only an exported classifier
Writes  nothing
"""

import argparse
import math
import socket
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from classifier.commands import _new_images, _page_server
from classifier.serving import models
from classifier.serving.admission import Admission, Capacity
from classifier.serving.observer import Observer
from classifier.serving.reloading import Reloading
from classifier.serving.request_metrics import RequestMetrics
from classifier.serving.service import ClassifierService

if TYPE_CHECKING:
    from classifier.serving.http_server import Server

PATIENCE = 60.0  # seconds that a request may wait
MAY_BE_0 = ("--queue", "--per-client")
NUMBERS = {  # options: default and help
    "--max-megabytes": (100, "per request (default: 100)"),
    "--max-megapixels": (None, "per image (default: validate.max_megapixels)"),
    "--max-seconds": (None, "to decode an image (default: validate.decode_timeout)"),
    "--concurrency": (32, "requests worked on at the same time (default: 32)"),
    "--queue": (64, "requests that wait; more are refused (default: 64)"),
    "--per-client": (0, "requests of one address at the same time (default: 0, no limit)"),
}
EPILOG = """
example: python -m classifier serve --open
         curl -F images=@photo.jpg http://127.0.0.1:7860/classify

/docs describes the JSON service, /metrics is for Prometheus, /healthz tells whether it works.
By default, only this machine can open the page. With --host 0.0.0.0, every machine in the network
can; there is no password.
"""


def parse_args() -> argparse.Namespace:
    """Returns the arguments of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m classifier serve",
        description="Serve a web page and a JSON service that classify images.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _new_images.add_model(parser)
    _page_server.add_options(parser, 7860)
    for name, (default, help_) in NUMBERS.items():
        kind = float if default is None else int
        parser.add_argument(name, type=kind, default=default, metavar="N", help=help_)
    args = parser.parse_args()
    for name, (default, _) in NUMBERS.items():
        value, least = getattr(args, name[2:].replace("-", "_")), int(name not in MAY_BE_0)
        if default is None and value is not None and not 0 < value < math.inf:
            parser.error(f"argument {name}: must be more than 0; got {value:g}")
        if default is not None and value < least:
            parser.error(f"argument {name}: must be {least} or more; got {value}")
    _page_server.check_options(parser, args)
    return args


def main() -> None:
    """Serves the page and the JSON service until Ctrl-C or SIGTERM."""
    args = parse_args()
    _page_server.prepare("serve")
    from classifier.serving import http_server

    given = {"max_megapixels": args.max_megapixels, "decode_timeout": args.max_seconds}
    given = {name: value for name, value in given.items() if value is not None}
    limits = replace(models.limits(args.model), **given)
    observer = Observer(RequestMetrics())
    load = partial(ClassifierService, args.model, limits, observer.metrics)
    with (
        _page_server.open_listener(args) as listener,
        closing(Reloading(load, models.paths(args.model), observer.tell)) as services,
    ):
        server = create_server(args, listener, services, observer)
        address = http_server.url(listener)
        with services.lease() as service:
            line = f"serve: {address} (press Ctrl-C to stop){service.info.warning}"
        _page_server.run(server, args, address, line)


def create_server(
    args: argparse.Namespace,
    listener: socket.socket,
    services: Reloading[ClassifierService],
    observer: Observer,
) -> "Server":
    """Returns the server, ready to run."""
    from classifier.serving import http_server
    from classifier.serving.app import create_app
    from classifier.serving.views import Views

    max_bytes = 1_000_000 * args.max_megabytes
    capacity = Capacity(args.concurrency, args.queue, args.per_client, PATIENCE)
    views = Views(services, Admission(capacity), observer, max_bytes)
    app = create_app(views, _page_server.host_names(args, listener))
    too_large = f"more than {args.max_megabytes:,} MB; --max-megabytes sets the limit"
    requests = args.concurrency + args.queue
    return http_server.Server(app, listener, max_bytes, too_large, observer, requests)
