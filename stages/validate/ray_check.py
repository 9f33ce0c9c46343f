"""Files checked on the machines of a Ray cluster, which read them themselves.

This process alone writes the index. What a worker cannot do, it tries itself: either the file is
at fault, as it would be without a cluster, or the worker's machine is.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np

from classifier.cache import fingerprint
from classifier.cache.files import DecodeResult, FileIdentity, FileIndex, stat_signature
from classifier.cluster import identity
from classifier.cluster.access import GUIDE
from classifier.cluster.connection import Cluster, this_node
from classifier.cluster.identity import Identity
from classifier.cluster.tasks import Tasks
from classifier.common import parallel
from classifier.common.errors import StageError
from classifier.common.objects import Version
from classifier.dataset.folders import InputFile
from classifier.images.decode_pool import DecodePool
from classifier.images.limits import Limits
from stages.validate import file_check, input_images
from stages.validate.file_check import CHANGED, CheckedFile, ReadFile

PARAM = "validate.run_on"
BATCH = 64  # files of a task


class Unknown(NamedTuple):
    """A file to check."""

    path: str  # below the project's folder
    version: Version | None  # of a file elsewhere
    signature: str  # of a file of the project; empty elsewhere


@dataclass(frozen=True)
class Work:
    """What all tasks of a run share."""

    root: Path  # of the project
    limits: Limits
    identity: Identity  # of the machine that keeps the index


@dataclass(frozen=True)
class Answer:
    """What a task returns."""

    node: str
    checked: list[CheckedFile]


_pools: dict[Identity, DecodePool] = {}  # of this worker: at most one


def of_machine(limits: Limits) -> Identity:
    """Returns the identity of this machine."""
    libraries = f"{fingerprint.of_pixels()}, numpy {np.__version__}"
    return identity.of_machine(libraries, fingerprint.of_text(input_images.recipe(limits)))


def check(work: Work, files: list[Unknown]) -> Answer:
    """Returns what decoding some files gives, in a process of its own beside this worker.

    Raises:
        StageError: this machine might get other results.
    """
    pool = _pools.get(work.identity) or _start(work)
    places = [work.root / file.path if file.signature else Path(file.path) for file in files]
    versions = {place: f.version for place, f in zip(places, files, strict=True) if f.version}
    checked = file_check.check_files(places, pool, work.limits, versions)
    return Answer(this_node(), [checked[place] for place in places])


def _start(work: Work) -> DecodePool:
    if difference := identity.difference(of_machine(work.limits), work.identity):
        raise StageError(difference)
    while _pools:  # of other runs
        _pools.popitem()[1].close()
    pool = _pools[work.identity] = DecodePool(work.limits.pixels, workers=1)
    return pool


@dataclass
class ClusterCheck:
    """Checks the files that the index does not know.

    Attributes:
        root: of the project, for the workers.
        unkept: what was read and the index cannot keep, by path.
    """

    index: FileIndex
    limits: Limits
    pool: DecodePool  # of this machine
    root: Path = field(default_factory=Path.cwd)
    unkept: dict[Path, ReadFile] = field(default_factory=dict)

    def run(
        self,
        files: Iterable[InputFile],
        total: int,
        show: Callable[[str], object],
        on_files: Callable[[int], object],
    ) -> None:
        """Checks the files, about `total`.

        Args:
            files: of the dataset.
            total: of them, about.
            show: called with the number of workers when it changes.
            on_files: called with the number of files that are done.

        Raises:
            StageError: a worker must not take part or cannot see a file that this machine can, or
                the head of the cluster has stopped. What was read before is in the index.
        """
        unknown = self._unknown(files, on_files)
        if not (first := next(unknown, None)):
            return

        def lost(file: Unknown, _: str) -> None:
            self._check_here([file])
            on_files(1)

        cluster = Cluster(PARAM)
        work = Work(self.root, self.limits, of_machine(self.limits))
        size = cluster.batch_size(BATCH, total)
        tasks: Tasks[Unknown, Answer] = Tasks(cluster, check, work, show, lost)
        for batch, answer in tasks.map(parallel.batched(chain([first], unknown), size)):
            self.keep(batch, answer, tasks.errors)
            on_files(len(batch))

    def _unknown(
        self, files: Iterable[InputFile], on_files: Callable[[int], object]
    ) -> Iterator[Unknown]:
        """Yields what is to be read and decoded; other files need no worker."""
        recipe = input_images.recipe(self.limits)
        for window in parallel.batched(files, input_images.BATCH):
            fitting = {
                file.path: file.version
                for file in input_images.readable(window)
                if input_images.fits(file.path, file.version, self.limits)
            }
            hashes = self.index.known(fitting, input_images.signatures(fitting))
            decoded = self.index.decode_results(recipe, set(hashes.values()))
            missing = [path for path in fitting if hashes.get(path) not in decoded]
            on_files(len(window) - len(missing))
            for path in missing:
                version = fitting[path]
                signature = "" if version else _signature(path)
                if version or signature:  # else it is gone by now
                    yield Unknown(str(path), version, signature)

    def keep(self, batch: list[Unknown], answer: Answer, errors: list[str]) -> None:
        """Adds what a worker has found to the index; what it could not read is tried here."""
        checked, unseen = dict[Unknown, CheckedFile](), dict[Unknown, str]()
        for file, (read, result) in zip(batch, answer.checked, strict=True):
            if reason := _unseen(file, read, result):
                unseen[file] = reason
            else:
                checked[file] = (read, result)
        self._remember(checked)
        if unseen and not errors:
            for file, (read, _) in self._check_here(list(unseen)).items():
                if read and (file.version or _signature(Path(file.path)) == file.signature):
                    errors.append(_not_seen(self.root, answer.node, file, unseen[file]))
                    return

    def _check_here(self, files: list[Unknown]) -> dict[Unknown, CheckedFile]:
        paths = {Path(file.path): file for file in files}
        versions = {path: file.version for path, file in paths.items() if file.version}
        checked = file_check.check_files(paths, self.pool, self.limits, versions)
        results = {paths[path]: result for path, result in checked.items()}
        self._remember(results)
        return results

    def _remember(self, checked: Mapping[Unknown, CheckedFile]) -> None:
        identities, results = dict[Path, FileIdentity](), dict[str, DecodeResult]()
        for file, (read, result) in checked.items():
            path = Path(file.path)
            signature = file.signature if read and read.stat_signature else ""
            if file.version:
                signature = input_images.signature(file.version)
            if read and signature and self.index.writable:
                identities[path] = replace(read, stat_signature=signature)
                results[read.sha256] = result
            else:
                self.unkept[path] = (read.sha256 if read else "", result)
        self.index.remember(input_images.recipe(self.limits), identities, results)


def _signature(path: Path) -> str:
    """Returns size, times and inode of a file; empty if it is gone."""
    try:
        return stat_signature(path.stat())
    except OSError:
        return ""


def _unseen(file: Unknown, read: FileIdentity | None, result: DecodeResult) -> str:
    """Returns why a worker could not read what this machine sees; empty if it could."""
    if not read:
        failed = result.problem == "unreadable" and result.detail != CHANGED
        return result.detail if failed else ""
    if file.signature and read.stat_signature and not _alike(file.signature, read.stat_signature):
        return "another size or time"
    return ""


def _alike(signature: str, other: str) -> bool:
    """Tells whether size and time are equal; fractions of seconds differ on some shared disks."""
    (size, time), (other_size, other_time) = (text.split()[:2] for text in (signature, other))
    return (size, int(time) // 10**9) == (other_size, int(other_time) // 10**9)


def _not_seen(root: Path, node: str, file: Unknown, reason: str) -> str:
    place = file.path if file.version else (root / file.path).as_posix()
    remedy = "give it network and credentials" if file.version else "share that folder with it"
    return (
        f"node {node}: must see the images that this machine sees; got {reason!r} for {place}: "
        f"{remedy}, or set {PARAM}: here; see {GUIDE}"
    )
