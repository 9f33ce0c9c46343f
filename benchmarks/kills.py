"""Kill `extract`, or the whole `dvc repro`, at random moments and see what it costs.

    python -m benchmarks.kills --images DIR --weights FILE.h5 [--count 50] [--seed 1]
        [--command extract "dvc repro"]

DIR holds train/<class>/* and optionally test/*. Each trial starts without cache, kills the command
(SIGKILL) at a random moment of its usual duration and runs it again to its end. The table counts
outputs that differ from those of an undisturbed run, forward passes done twice, and damage that
SQLite's integrity check or the checksums find after the kill.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks.pipeline import ROOT, prepare
from classifier.cache import features as feature_cache
from classifier.commands import _cache_files, cache
from classifier.commands._cache_files import Contents, Network
from classifier.common.errors import StageError
from classifier.dataset import features

OUTPUTS = (features.TRAIN, features.TEST)
LOCK = "dvc.lock"
LOG = "passes"  # a line per batch that went through the network
LOGGED = f'''

class _Logged:
    def __init__(self, folder, threads, load=engine.load):
        self.network = load(folder, threads)
        self.concurrency = self.network.concurrency
        self.max_batch_size = self.network.max_batch_size

    def features(self, pixels):
        features = self.network.features(pixels)
        with open("{LOG}", "a") as file:
            file.write(f"{{len(pixels)}}\\n")
        return features

engine.load = _Logged
'''
PIPES = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
HEADING = (
    "| command | trials | killed | cached images, min-median-max | max repeated passes | "
    "damaged caches | runs with other outputs |\n" + "|---" * 7 + "|"
)
COMMANDS = {
    "extract": (sys.executable, "-m", "stages.extract"),
    "dvc repro": (sys.executable, "-m", "dvc", "repro"),
}


@dataclass(frozen=True)
class Outcome:
    """What happened after one kill.

    Attributes:
        killed: whether the command was still running.
        cached: images in the cache after the kill.
        repeated: forward passes done again.
        problems: damage in the cache after the kill.
        same_outputs: whether the second run's outputs are those of an undisturbed run.
    """

    killed: bool
    cached: int
    repeated: int
    problems: tuple[str, ...]
    same_outputs: bool


def log_passes(folder: Path) -> None:
    """Makes the pipeline in `folder` log its forward passes; the cache stays valid."""
    with (folder / "stages" / "extract" / "threads.py").open("a", encoding="utf-8") as file:
        file.write(LOGGED)


def passes(folder: Path) -> int:
    """Returns how many images have gone through the network."""
    log = folder / LOG
    return sum(map(int, log.read_text().split())) if log.exists() else 0


def outputs(folder: Path) -> dict[str, bytes]:
    """Returns the outputs of `extract`, and the entry of each stage in dvc.lock."""
    tables = [path for name in OUTPUTS for path in (folder / name).glob("*")]
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in tables}
    lock = folder / LOCK
    stages = yaml.safe_load(lock.read_text("utf-8"))["stages"] if lock.exists() else {}
    return found | {f"{LOCK}: {name}": repr(entry).encode() for name, entry in stages.items()}


def same(found: dict[str, bytes], expected: dict[str, bytes]) -> bool:
    """Tells whether outputs are the expected ones.

    Stages after those of the command may be missing in dvc.lock: DVC writes it in place, and what a
    kill leaves of it may be valid.
    """
    tables = (name for name in expected if not name.startswith(LOCK))
    return found.items() <= expected.items() and all(name in found for name in tables)


def run(folder: Path, command: Sequence[str], seconds: float | None = None) -> bool:
    """Runs a command in a process group of its own; returns whether it had to be killed."""
    programs = str(Path(sys.executable).parent)
    env = {**os.environ, "PATH": programs + os.pathsep + os.environ["PATH"]}
    process = subprocess.Popen(command, cwd=folder, env=env, start_new_session=True, **PIPES)
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return True
    if process.returncode:
        raise SystemExit(f"{command} failed: {output}")
    return False


def check_cache(folder: Path) -> tuple[tuple[str, ...], int]:
    """Returns the damage in the cache, and the number of cached features."""
    paths = sorted((folder / ".cache" / feature_cache.FOLDER).rglob("*.sqlite"))
    found = Contents([Network(path, [path]) for path in paths], {}, {})
    problems: tuple[str, ...] = ()
    try:
        cache.verify(found)
    except StageError as error:
        problems = error.messages
    rows = 0
    for path in paths:
        with _cache_files.opened(path) as file:
            rows += file.rows("SELECT count(*) FROM keys")[0][0]
    return problems, rows


def reset(start: Path, folder: Path) -> Path:
    """Copies the pipeline from `start`, in place of what is in `folder`."""
    shutil.rmtree(folder, ignore_errors=True)
    return shutil.copytree(start, folder)


def kill(
    folder: Path, command: Sequence[str], after: float, computed: int, expected: dict[str, bytes]
) -> Outcome:
    """Kills the command after some seconds, runs it again, and returns what happened.

    Args:
        folder: of the pipeline, at its start.
        command: to kill.
        after: seconds.
        computed: forward passes of an undisturbed run.
        expected: its outputs.
    """
    lock = folder / LOCK
    before = lock.read_bytes() if lock.exists() else b""
    killed = run(folder, command, after)
    problems, cached = check_cache(folder)
    resume(folder, command, before)
    repeated = passes(folder) - computed
    return Outcome(killed, cached, repeated, problems, same(outputs(folder), expected))


def resume(folder: Path, command: Sequence[str], before: bytes) -> None:
    """Runs a command after a kill; repairs what DVC was writing in place, as the docs say.

    Args:
        folder: of the pipeline.
        command: to run.
        before: dvc.lock as it was, empty if there was none.
    """
    try:
        run(folder, command)
    except SystemExit as failure:
        message, lock = str(failure), folder / LOCK
        if "rwlock" in message:
            (folder / ".dvc" / "tmp" / "rwlock").unlink()
        elif LOCK in message and before:
            lock.write_bytes(before)
        elif LOCK in message:
            lock.unlink()
        else:
            raise
        run(folder, command)


def kills(
    start: Path, folder: Path, command: Sequence[str], count: int, seed: int
) -> Iterator[Outcome]:
    """Yields the outcomes of `count` kills of a command, at random moments."""
    reset(start, folder)
    started = time.perf_counter()
    run(folder, command)
    usual, computed, expected = time.perf_counter() - started, passes(folder), outputs(folder)
    moments = random.Random(seed)
    for _ in range(count):
        reset(start, folder)
        yield kill(folder, command, moments.uniform(0, usual), computed, expected)


def summary(name: str, outcomes: list[Outcome]) -> str:
    """Returns a row of the table."""
    cached = sorted(outcome.cached for outcome in outcomes)
    cells = (
        name,
        len(outcomes),
        sum(outcome.killed for outcome in outcomes),
        f"{cached[0]}-{cached[len(cached) // 2]}-{cached[-1]}",
        max(outcome.repeated for outcome in outcomes),
        sum(bool(outcome.problems) for outcome in outcomes),
        sum(not outcome.same_outputs for outcome in outcomes),
    )
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    """Kills each command `--count` times."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--command", choices=COMMANDS, nargs="+", default=list(COMMANDS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=8)
    args = parser.parse_args()
    changes = {
        "fetch.weights": str(args.weights.resolve()),
        "extract.batch_size": args.batch_size,
        "train.epochs": 5,
    }
    with tempfile.TemporaryDirectory() as name:
        start = Path(name) / "start"
        prepare(start, args.images, changes)
        (start / "input").unlink()  # DVC does not follow a link there
        shutil.copytree(args.images, start / "input")
        for file in ("dvc.yaml", ".dvcignore"):
            shutil.copy(ROOT / file, start)
        log_passes(start)
        for command in (("init", "-q", "--no-scm"), ("repro", "-q", "validate", "freeze")):
            run(start, (sys.executable, "-m", "dvc", *command))
        shutil.rmtree(start / ".cache")
        print(f"batches of {args.batch_size}\n\n" + HEADING)
        for label in args.command:
            command, killed = COMMANDS[label], Path(name) / "killed"
            outcomes = kills(start, killed, command, args.count, args.seed)
            print(summary(label, list(outcomes)), flush=True)


if __name__ == "__main__":
    main()
