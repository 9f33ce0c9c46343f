"""What an event costs: forward passes, stages that run and seconds of `dvc repro`.

    python -m benchmarks.repro --images DIR [DIR ...] --weights FILE.h5 [--count 1000 10000]
        [--only no-op ...] [--set freeze.last_layer=mixed0 ...] [--json FILE]

Each DIR holds train/<class>/*. Where there are fewer images than asked for, they are taken again
with another content behind their end: the same pixels, but to every stage a new image. Beside the
events stand a bare `dvc repro` of a pipeline of one stage that does nothing, without and with the
same folder of images as its dep, and a bare `import tensorflow`.
"""

import argparse
import itertools
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

from benchmarks.pipeline import ROOT, prepare

GIT = ("git", "-c", "user.name=benchmark", "-c", "user.email=benchmark@example.org")
NOTHING = "stages:\n  nothing:\n    cmd: cd .\n    deps: [{}]\n"
PIPES = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
HEADING = (
    "| event | images | forward passes | stages run | of it train s | s |\n" + "|---" * 6 + "|"
)


def shell(folder: Path, *command: str) -> tuple[str, float]:
    """Runs a command in a folder; returns what it prints, and its seconds."""
    programs = str(Path(sys.executable).parent)
    env = {**os.environ, "PATH": programs + os.pathsep + os.environ["PATH"]}
    started = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=env, check=True, text=True, **PIPES)
    return done.stdout, time.perf_counter() - started


def commit(folder: Path) -> None:
    """Commits what git does not ignore."""
    shell(folder, "git", "add", "-A")
    shell(folder, *GIT, "commit", "-q", "-m", "so far")


def sources(images: list[Path]) -> Iterator[tuple[str, bytes]]:
    """Yields class and bytes of images of different contents, for ever."""
    found = [path for at in images for path in sorted((at / "train").rglob("*.jpg"))]
    random.Random(0).shuffle(found)
    for around in itertools.count():
        for path in found:
            yield path.parent.name, path.read_bytes() + str(around).encode() * (around > 0)


class Project:
    """A pipeline with `count` images under git and DVC, and the events that may befall it."""

    def __init__(self, folder: Path, images: list[Path], count: int) -> None:
        self.folder = folder
        self.more = sources(images)
        for number in range(count):
            self.add("test" if number % 10 == 0 else "train", f"{number:06}")

    def add(self, split: str, name: str, label: str = "") -> Path:
        """Adds an image of new content."""
        of, data = next(self.more)
        place = self.folder / "input" / split / (label or of if split == "train" else "")
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{name}.jpg").write_bytes(data)
        return place / f"{name}.jpg"

    def any(self, number: int = 0) -> Path:
        """Returns a training image."""
        return sorted((self.folder / "input" / "train").rglob("*.jpg"))[number]

    def set(self, name: str, value: object) -> None:
        """Sets `section.value` in params.yaml."""
        path = self.folder / "params.yaml"
        document = yaml.safe_load(path.read_text())
        section, _, key = name.partition(".")
        document[section][key] = value
        path.write_text(yaml.safe_dump(document))

    def rename(self) -> None:
        """Renames a training image."""
        self.any().rename(self.any().with_name("renamed.jpg"))

    def move(self) -> None:
        """Moves a training image to another class."""
        self.any(0).rename(self.any(-1).with_name("moved.jpg"))

    def copy(self) -> None:
        """Copies a training image to input/test."""
        shutil.copy(self.any(3), self.folder / "input" / "test" / "copy.jpg")

    def edit(self) -> None:
        """Changes a training image and keeps its name and size."""
        data = bytearray(self.any(5).read_bytes())
        data[15] ^= 1  # the resolution in the header, without effect on a pixel
        self.any(5).write_bytes(data)

    def add_class(self) -> None:
        """Adds a class of 20 images."""
        for number in range(20):
            self.add("train", f"more {number}", "one more class")

    def without_run_cache(self) -> None:
        """Changes the image size back, with DVC's run cache gone."""
        self.set("freeze.image_height", 299)
        shutil.rmtree(self.folder / ".dvc" / "cache" / "runs")

    def commit_and_forget(self) -> None:
        """Commits, deletes the image store and adds a training image."""
        commit(self.folder)
        shutil.rmtree(self.folder / ".cache", ignore_errors=True)
        self.add("train", "yet another")

    def without_store(self) -> None:
        """Deletes the image store and the outputs of `extract`."""
        shutil.rmtree(self.folder / ".cache")
        for name in ("train", "test"):
            (self.folder / "results" / f"{name}.npz").unlink()
        shutil.rmtree(self.folder / ".dvc" / "cache" / "runs")


EVENTS: dict[str, Callable[[Project], object]] = {
    "first run": lambda project: None,
    "no-op": lambda project: None,
    "one new test image": lambda project: project.add("test", "new"),
    "one new training image": lambda project: project.add("train", "new"),
    "renamed": Project.rename,
    "moved to another class": Project.move,
    "copied": Project.copy,
    "edited in place, same size": Project.edit,
    "deleted": lambda project: project.any(7).unlink(),
    "a new class of 20": Project.add_class,
    "train.hidden_units changed": lambda project: project.set("train.hidden_units", 256),
    "image height 299 -> 224": lambda project: project.set("freeze.image_height", 224),
    "and back": lambda project: project.set("freeze.image_height", 299),
    "224 again": lambda project: project.set("freeze.image_height", 224),
    "and back, run cache deleted": Project.without_run_cache,
    "store, outputs, run cache deleted": Project.without_store,
    "committed, store deleted, one new": Project.commit_and_forget,
}


def measure(project: Project, event: str) -> dict[str, object]:
    """Lets an event befall the project and returns what `dvc repro` then does."""
    EVENTS[event](project)
    said, seconds = shell(project.folder, "dvc", "repro")
    extract = re.search(r"^extract: (\d+) images, (\d+) new", said, re.M)
    ran = re.findall(r"^Running stage '(\w+)'", said, re.M)
    images, new = map(int, extract.groups()) if extract else (None, 0)
    train = re.search(r"^train: .* ([\d.]+) s$", said, re.M)
    return {
        "event": event,
        "images": images,
        "forward_passes": new,
        "stages": ran,
        "train_seconds": float(train[1]) if train else "",
        "seconds": round(seconds, 2),
    }


def bare(folder: Path, name: str, deps: str) -> dict[str, object]:
    """Returns what `dvc repro` of a stage that does nothing takes, the second time."""
    place = folder / name
    place.mkdir()
    (place / "dvc.yaml").write_text(NOTHING.format(deps))
    if deps == "input":
        shutil.copytree(folder / "input", place / "input", copy_function=os.link)
    shell(place, "dvc", "init", "-q", "--no-scm", "-f")
    shell(place, "dvc", "repro", "-q")
    seconds = sorted(shell(place, "dvc", "repro", "-q")[1] for _ in range(3))
    shutil.rmtree(place)
    return {"event": f"bare dvc repro, {name}", "stages": [], "seconds": round(seconds[1], 2)}


def row(one: dict[str, object]) -> str:
    """Returns a row of the table."""
    stages = one["stages"]
    said = ", ".join(stages) if isinstance(stages, list) and stages else "-"
    cells = (one["event"], one.get("images") or "", one.get("forward_passes", ""), said)
    cells += (one.get("train_seconds", ""),)
    return f"| {' | '.join(map(str, cells))} | {one['seconds']:.2f} |"


def run(folder: Path, arguments: argparse.Namespace, count: int) -> Iterator[dict[str, object]]:
    """Yields the rows of the table at one number of images."""
    changes = dict(change.split("=", 1) for change in arguments.set)
    changes = {name: yaml.safe_load(value) for name, value in changes.items()}
    prepare(folder, folder, {"fetch.weights": str(arguments.weights.resolve()), **changes})
    (folder / "input").unlink()
    for name in ("dvc.yaml", ".dvcignore", ".gitignore", "results/.gitignore", "models/.gitignore"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    project = Project(folder, arguments.images, count)
    time.sleep(3)  # files are trusted once they are older than the clock's grain
    shell(folder, "git", "init", "-q")
    shell(folder, "dvc", "init", "-q", "-f")
    for event in EVENTS:
        if event == "first run" or event in (arguments.only or EVENTS):
            yield measure(project, event)
        if event == "first run":
            commit(folder)
    yield bare(folder, "a stage without deps", "")
    yield bare(folder, f"a stage on {count:,} images", "input")
    _, seconds = shell(folder, sys.executable, "-c", "import tensorflow")
    yield {"event": "bare import tensorflow", "stages": [], "seconds": round(seconds, 2)}


def main() -> None:
    """Measures every number of images."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=Path, nargs="+", required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--count", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--only", nargs="+", choices=EVENTS, help="events, besides the first run")
    parser.add_argument("--set", nargs="+", default=[], metavar="SECTION.NAME=VALUE")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    found = []
    for count in arguments.count:
        print(f"\n{count:,} images\n\n{HEADING}", flush=True)
        with tempfile.TemporaryDirectory() as name:
            for one in run(Path(name), arguments, count):
                print(row(one), flush=True)
                found.append({"count": count, **one})
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
