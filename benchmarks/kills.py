"""Kill `extract`, or the whole `dvc repro`, at random moments and see what it costs.

    python -m benchmarks.kills --images DIR --weights FILE.h5 [--count 50] [--seed 1]
        [--command extract "dvc repro"]

DIR holds train/<class>/* and, if you like, test/*. Each time everything that was computed is
forgotten, the command starts, gets SIGKILL at a random moment of its usual duration, and runs
again to its end. Told are: outputs that differ from those of an undisturbed run, forward passes
done twice, and faults that SQLite's integrity check or the seals of the store find after the kill.
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

from benchmarks.pipeline import ROOT, prepare
from classifier.cache import features as feature_cache
from classifier.cache.database import Database
from classifier.commands import cache

LOG = "passes"  # a line per batch that went through the network
LOGGED = f'''

class _Logged:
    def __init__(self, folder, threads, load=engine.load):
        self.network = load(folder, threads)
        self.concurrency = self.network.concurrency
        self.max_batch_size = self.network.max_batch_size

    def features(self, pixels):
        found = self.network.features(pixels)
        with open("{LOG}", "a") as file:
            file.write(f"{{len(pixels)}}\\n")
        return found

engine.load = _Logged
'''
PIPES = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
HEADING = (
    "| command | kills | hit | images kept, least-median-most | most passes twice | "
    "stores with faults | runs with other outputs |\n" + "|---" * 7 + "|"
)
COMMANDS = {
    "extract": (sys.executable, "-m", "stages.extract"),
    "dvc repro": (sys.executable, "-m", "dvc", "repro"),
}


@dataclass(frozen=True)
class Outcome:
    """What one kill came to.

    Attributes:
        killed: whether the command was still running at its moment.
        kept: images in the store after the kill.
        twice: forward passes done again.
        faults: of the store after the kill.
        same: whether the outputs after the second run are those of an undisturbed one.
    """

    killed: bool
    kept: int
    twice: int
    faults: tuple[str, ...]
    same: bool


def log_passes(folder: Path) -> None:
    """Makes the pipeline in `folder` log its forward passes; the store's key stays as it is."""
    with (folder / "stages" / "forward.py").open("a", encoding="utf-8") as file:
        file.write(LOGGED)


def passes(folder: Path) -> int:
    """Returns how many images have gone through the network."""
    log = folder / LOG
    return sum(map(int, log.read_text().split())) if log.exists() else 0


def outputs(folder: Path) -> dict[str, bytes]:
    """Returns the outputs of `extract`, and dvc.lock, which has the hashes of all others."""
    names = ("results/features_train.npz", "results/features_test.npz", "dvc.lock")
    return {name: (folder / name).read_bytes() for name in names if (folder / name).exists()}


def run(folder: Path, command: Sequence[str], seconds: float | None = None) -> bool:
    """Runs a command in a process group of its own; returns whether it had to be killed."""
    programs = str(Path(sys.executable).parent)
    env = {**os.environ, "PATH": programs + os.pathsep + os.environ["PATH"]}
    process = subprocess.Popen(command, cwd=folder, env=env, start_new_session=True, **PIPES)
    try:
        said, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return True
    if process.returncode:
        raise SystemExit(f"{command} failed: {said}")
    return False


def look(folder: Path) -> tuple[tuple[str, ...], int]:
    """Returns what is wrong with the store's rows, and how many there are."""
    found: list[str] = []
    count = 0
    for path in (folder / ".cache" / feature_cache.FOLDER).glob("*.sqlite"):
        at = Database(path, (), None)
        found += cache.faults(at)
        count += at.rows("SELECT count(*) FROM keys")[0][0]
        at.close()
    return tuple(found), count


def again(start: Path, folder: Path) -> Path:
    """Puts the pipeline in `folder` back to its start."""
    shutil.rmtree(folder, ignore_errors=True)
    return shutil.copytree(start, folder)


def kill(
    folder: Path, command: Sequence[str], after: float, computed: int, expected: dict[str, bytes]
) -> Outcome:
    """Kills the command after some seconds, runs it again, and returns what that came to.

    Args:
        folder: of the pipeline, at its start.
        command: to kill.
        after: seconds.
        computed: forward passes of an undisturbed run.
        expected: its outputs.
    """
    lock = folder / "dvc.lock"
    before = lock.read_bytes() if lock.exists() else b""
    killed = run(folder, command, after)
    faults, kept = look(folder)
    resume(folder, command, before)
    return Outcome(killed, kept, passes(folder) - computed, faults, outputs(folder) == expected)


def resume(folder: Path, command: Sequence[str], before: bytes) -> None:
    """Runs a command after a kill; mends what DVC itself was writing in place, as README.md says.

    Args:
        folder: of the pipeline.
        command: to run.
        before: dvc.lock as it was, empty if there was none.
    """
    try:
        run(folder, command)
    except SystemExit as failure:
        said, lock = str(failure), folder / "dvc.lock"
        if "rwlock" in said:
            (folder / ".dvc" / "tmp" / "rwlock").unlink()
        elif "dvc.lock" in said and before:
            lock.write_bytes(before)
        elif "dvc.lock" in said:
            lock.unlink()
        else:
            raise
        run(folder, command)


def kills(
    start: Path, folder: Path, command: Sequence[str], count: int, seed: int
) -> Iterator[Outcome]:
    """Yields the outcomes of `count` kills of a command, at moments that `seed` draws."""
    again(start, folder)
    started = time.perf_counter()
    run(folder, command)
    usual, computed, expected = time.perf_counter() - started, passes(folder), outputs(folder)
    moments = random.Random(seed)
    for _ in range(count):
        again(start, folder)
        yield kill(folder, command, moments.uniform(0, usual), computed, expected)


def summary(name: str, outcomes: list[Outcome]) -> str:
    """Returns a row of the table."""
    kept = sorted(one.kept for one in outcomes)
    cells = (
        name,
        len(outcomes),
        sum(one.killed for one in outcomes),
        f"{kept[0]}-{kept[len(kept) // 2]}-{kept[-1]}",
        max(one.twice for one in outcomes),
        sum(bool(one.faults) for one in outcomes),
        sum(not one.same for one in outcomes),
    )
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    """Kills each command as often as asked."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--command", choices=COMMANDS, nargs="+", default=list(COMMANDS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=8)
    arguments = parser.parse_args()
    changes = {
        "fetch.weights": str(arguments.weights.resolve()),
        "extract.batch_size": arguments.batch_size,
        "train.epochs": 5,
    }
    with tempfile.TemporaryDirectory() as name:
        start = Path(name) / "start"
        prepare(start, arguments.images, changes)
        (start / "input").unlink()  # DVC does not follow a link there
        shutil.copytree(arguments.images, start / "input")
        for file in ("dvc.yaml", ".dvcignore"):
            shutil.copy(ROOT / file, start)
        log_passes(start)
        for command in (("init", "-q", "--no-scm"), ("repro", "-q", "validate", "freeze")):
            run(start, (sys.executable, "-m", "dvc", *command))
        shutil.rmtree(start / ".cache")
        print(f"batches of {arguments.batch_size}\n\n" + HEADING)
        for label in arguments.command:
            command, killed = COMMANDS[label], Path(name) / "killed"
            found = kills(start, killed, command, arguments.count, arguments.seed)
            print(summary(label, list(found)), flush=True)


if __name__ == "__main__":
    main()
