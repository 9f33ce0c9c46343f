"""Label images on a page: `python -m classifier label --help`.

Reads   input/unlabelled, input/train, input/labels.csv, models/base, results/inspection.csv
Writes  input/labels.csv, .cache; with --to-folders only the folder that it names
"""

import argparse
import getpass
import socket
from contextlib import closing
from pathlib import Path

from classifier.commands import _page_server
from classifier.common import progress
from classifier.common.errors import StageError, count, warn
from classifier.dataset import findings, folders, input_files, label_list, label_writer, source
from classifier.dataset.findings import Finding
from classifier.labelling import export, images
from classifier.labelling.session import Session
from classifier.serving import models
from classifier.serving.observer import Observer
from classifier.serving.request_metrics import RequestMetrics

MAX_BYTES = 1_000_000  # of a request
REQUESTS = 16  # at the same time
EPILOG = """
example: python -m classifier label --open

First groups of images that look alike are named, then single images, those first that teach the
classifier most. Labels are added to input/labels.csv at once; no image is moved. `dvc repro` trains
on them. Several people may label at the same time, also with a copy of the project each: git joins
the lists.
"""


def parse_args() -> argparse.Namespace:
    """Returns the arguments of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m classifier label",
        description="Label images on a page in the browser, as few as possible.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--by", default="", metavar="NAME", help="column `by` (default: user name)")
    _page_server.add_options(parser, 7861)
    parser.add_argument(
        "--to-folders", type=Path, metavar="DIR", help="no page: link the labelled images there"
    )
    parser.add_argument("--copy", action="store_true", help="with --to-folders: copies, no links")
    args = parser.parse_args()
    _page_server.check_options(parser, args)
    if args.copy and not args.to_folders:
        parser.error("argument --copy: needs --to-folders")
    if not args.by.isprintable():
        parser.error(f"argument --by: must be printable; got {args.by!r}")
    return args


def user_name() -> str:
    """Returns the name of the user; empty if the system has none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


def known_findings(paths: set[Path]) -> list[Finding]:
    """Returns the findings of stage `inspect` about some images."""
    if not findings.PATH.exists():
        return []
    return [one for one in findings.iter_rows(findings.PATH) if Path(one.path) in paths]


def make_session(by: str) -> Session:
    """Returns the session; computes features that are not cached.

    NumPy's matrix products take one thread from then on: several spin for long after each.
    """
    from threadpoolctl import threadpool_limits

    threadpool_limits(1, "blas")
    if note := label_writer.prepare():
        warn(f"{folders.LIST.as_posix()}: {note}")
    files = images.pool_files(label_list.read())
    with progress.bar("label", len(files)) as bar:
        loaded = images.load([file.path for file in files], bar.update)
    readable = set(loaded.paths)
    if unreadable := len(files) - len(readable):
        warn(f"{count(unreadable, 'file')} cannot be read; `dvc repro` names them")
    chosen = [file for file in files if file.path in readable]
    return Session(chosen, loaded, known_findings(readable), by)


def to_folders(out: Path, *, copy: bool) -> None:
    """Exports the labelled images, and says so."""
    labelled = input_files.find(label_list.read())
    number = export.export(labelled, out, copy=copy)
    kind = "copy" if copy else "link"
    print(f"label: {count(number, kind, 'copies' if copy else 'links')} -> {out.as_posix()}")


def main() -> None:
    """Serves the page until Ctrl-C or SIGTERM, or exports the labels."""
    args = parse_args()
    if name := source.list_name():
        rule = "images elsewhere cannot be labelled; give their classes in column label"
        raise StageError(f"{name}: {rule}")
    if args.to_folders:
        to_folders(args.to_folders, copy=args.copy)
        return
    _page_server.prepare("label")
    with _page_server.open_listener(args) as listener:
        session = make_session(args.by.strip() or user_name())
        with closing(session):
            serve(args, listener, session)


def serve(args: argparse.Namespace, listener: socket.socket, session: Session) -> None:
    """Serves the page of a session."""
    from classifier.labelling import app
    from classifier.serving import http_server

    hosts = _page_server.host_names(args, listener)
    application, pool = app.start(session, hosts, models.limits(None).pixels)
    address, observer = http_server.url(listener), Observer(RequestMetrics())
    with closing(pool):
        limits = MAX_BYTES, "too large", observer, REQUESTS
        server = http_server.Server(application, listener, *limits)
        labelled = session.status("")["labelled"]
        line = (
            f"label: {count(len(session.files), 'image')}, {labelled:,} labelled, "
            f"{session.images.new:,} new through the network -> {address} (press Ctrl-C to stop)"
        )
        _page_server.run(server, args, address, line)
