"""The cost of a change: forward passes, stages that run, and seconds of `dvc repro`.

    python -m benchmarks.repro --images DIR [DIR ...] --weights FILE.h5 [--count 1000 10000]
        [--only no-op ...] [--set freeze.layers=[mixed0] ...] [--json FILE]

Each DIR holds train/<class>/*. If it has fewer than `--count` images, they are repeated with a few
bytes appended: the same pixels, but a new image for every stage. For comparison, the table ends
with what DVC takes alone: the same events with stages that only write their names, and `dvc repro`
of a stage that does nothing, without and with the images as its dependency. The last row is
`import tensorflow`.
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
from classifier.dataset import features

GIT = ("git", "-c", "user.name=benchmark", "-c", "user.email=benchmark@example.org")
NOTHING = "stages:\n  nothing:\n    cmd: cd .\n    deps: [{}]\n"
WRITE = """import pathlib, shutil, sys, time
for out in map(pathlib.Path, sys.argv[1:]):
    shutil.rmtree(out, ignore_errors=True)
    file = out if out.suffix else out / "file"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text('{"n": %d}' % time.time_ns())
"""
PIPES = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
HEADING = "| event | images | forward passes | stages run | s, of train | s |\n" + "|---" * 6 + "|"


def shell(folder: Path, *command: str) -> tuple[str, float]:
    """Runs a command in a folder; returns its output and its seconds."""
    programs = str(Path(sys.executable).parent)
    env = {**os.environ, "PATH": programs + os.pathsep + os.environ["PATH"]}
    started = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=env, text=True, **PIPES)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr[-4000:]}")
    return done.stdout, time.perf_counter() - started


def dvc_init(folder: Path, *options: str) -> None:
    """Makes a folder a DVC repository with this project's settings."""
    shell(folder, "dvc", "init", "-q", "-f", *options)
    shutil.copy(ROOT / ".dvc" / "config", folder / ".dvc" / "config")


def commit(folder: Path) -> None:
    """Commits what git does not ignore."""
    shell(folder, "git", "add", "-A")
    shell(folder, *GIT, "commit", "-q", "-m", "all changes")


def sources(images: list[Path]) -> Iterator[tuple[str, bytes]]:
    """Yields class and bytes of images, endlessly and all different."""
    paths = [path for folder in images for path in sorted((folder / "train").rglob("*.jpg"))]
    random.Random(0).shuffle(paths)
    for repetition in itertools.count():
        suffix = str(repetition).encode() if repetition else b""
        for path in paths:
            yield path.parent.name, path.read_bytes() + suffix


class Project:
    """A pipeline with `count` images under git and DVC, and the changes to measure."""

    def __init__(self, folder: Path, images: list[Path], count: int) -> None:
        self.folder = folder
        self.sources = sources(images)
        for number in range(count):
            self.add("test" if number % 10 == 0 else "train", f"{number:06}")

    def add(self, split: str, name: str, label: str = "") -> Path:
        """Adds an image with new content; `label` overrides its class."""
        own_label, data = next(self.sources)
        folder = self.folder / "input" / split
        if split == "train":
            folder /= label or own_label
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.jpg").write_bytes(data)
        return folder / f"{name}.jpg"

    def train_image(self, number: int = 0) -> Path:
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
        self.train_image().rename(self.train_image().with_name("renamed.jpg"))

    def move(self) -> None:
        """Moves a training image to another class."""
        self.train_image(0).rename(self.train_image(-1).with_name("moved.jpg"))

    def copy(self) -> None:
        """Copies a training image to input/test."""
        shutil.copy(self.train_image(3), self.folder / "input" / "test" / "copy.jpg")

    def edit(self) -> None:
        """Changes a training image and keeps its name and size."""
        data = bytearray(self.train_image(5).read_bytes())
        data[15] ^= 1  # the resolution in the header; no pixel changes
        self.train_image(5).write_bytes(data)

    def add_class(self) -> None:
        """Adds a class of 20 images."""
        for number in range(20):
            self.add("train", f"more {number}", "another class")

    def without_run_cache(self) -> None:
        """Restores the image size after deleting DVC's run cache."""
        self.set("freeze.image_height", 299)
        shutil.rmtree(self.folder / ".dvc" / "cache" / "runs")

    def commit_and_delete_cache(self) -> None:
        """Commits, deletes the feature cache and adds a training image."""
        commit(self.folder)
        shutil.rmtree(self.folder / ".cache", ignore_errors=True)
        self.add("train", "yet another")

    def without_caches(self) -> None:
        """Deletes the feature cache, the run cache and the outputs of `extract`."""
        shutil.rmtree(self.folder / ".cache")
        for path in (features.TRAIN, features.TEST):
            shutil.rmtree(self.folder / path)
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
    "deleted": lambda project: project.train_image(7).unlink(),
    "a new class of 20": Project.add_class,
    "train.seed changed": lambda project: project.set("train.seed", 2),
    "image height 299 -> 224": lambda project: project.set("freeze.image_height", 224),
    "and back": lambda project: project.set("freeze.image_height", 299),
    "224 again": lambda project: project.set("freeze.image_height", 224),
    "and back, run cache deleted": Project.without_run_cache,
    "cache, outputs, run cache deleted": Project.without_caches,
    "committed, cache deleted, one new": Project.commit_and_delete_cache,
}


def measure(project: Project, event: str) -> dict[str, object]:
    """Makes a change and returns what `dvc repro` then does."""
    EVENTS[event](project)
    output, seconds = shell(project.folder, "dvc", "repro")
    extract = re.search(r"^extract: ([\d,]+) images, ([\d,]+) new", output, re.M)
    ran = re.findall(r"^Running stage '(\w+)'", output, re.M)
    counts = [int(text.replace(",", "")) for text in extract.groups()] if extract else (None, 0)
    images, new = counts
    train = re.search(r"^train: .* ([\d.]+) s$", output, re.M)
    return {
        "event": event,
        "images": images,
        "forward_passes": new,
        "stages": ran,
        "train_seconds": float(train[1]) if train else "",
        "seconds": round(seconds, 2),
    }


def empty_stages(project: Project) -> Iterator[dict[str, object]]:
    """Replaces the stages by others that write new bytes, and yields what some events take.

    `code` and `params` remain: what they write does not change.
    """
    path = project.folder / "dvc.yaml"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    (project.folder / "write.py").write_text(WRITE, encoding="utf-8")
    project.set("train.seed", 1)
    for name in document["stages"].keys() - {"code", "params"}:
        stage = document["stages"][name]
        outs = [*stage.get("outs", ()), *stage.get("metrics", ())]
        names = [name for out in outs for name in ([out] if isinstance(out, str) else out)]
        stage["cmd"] = f"python write.py {' '.join(names)}"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    for event in ("first run", "one new training image", "train.seed changed"):
        row = measure(project, event)
        if event != "first run":
            yield {**row, "event": f"{event}, stages that do nothing"}


def bare(folder: Path, name: str, deps: str) -> dict[str, object]:
    """Returns the seconds of `dvc repro` when a stage that does nothing is up to date."""
    project = folder / name
    project.mkdir()
    (project / "dvc.yaml").write_text(NOTHING.format(deps))
    if deps == "input":
        shutil.copytree(folder / "input", project / "input", copy_function=os.link)
    dvc_init(project, "--no-scm")
    shell(project, "dvc", "repro", "-q")
    seconds = sorted(shell(project, "dvc", "repro", "-q")[1] for _ in range(3))
    shutil.rmtree(project)
    return {"event": f"bare dvc repro, {name}", "stages": [], "seconds": round(seconds[1], 2)}


def table_row(values: dict[str, object]) -> str:
    """Returns a row of the table."""
    stages = values["stages"]
    names = ", ".join(stages) if isinstance(stages, list) and stages else "-"
    cells = (values["event"], values.get("images") or "", values.get("forward_passes", ""), names)
    cells += (values.get("train_seconds", ""),)
    return f"| {' | '.join(map(str, cells))} | {values['seconds']:.2f} |"


def run(folder: Path, args: argparse.Namespace, count: int) -> Iterator[dict[str, object]]:
    """Yields the rows of the table for `count` images."""
    changes = dict(change.split("=", 1) for change in args.set)
    changes = {name: yaml.safe_load(value) for name, value in changes.items()}
    (folder / "empty").mkdir()
    prepare(folder, folder / "empty", {"fetch.weights": str(args.weights.resolve()), **changes})
    for name in ("dvc.yaml", ".dvcignore", ".gitignore", "results/.gitignore", "models/.gitignore"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    project = Project(folder, args.images, count)
    time.sleep(3)  # or the files count as changed just now
    shell(folder, "git", "init", "-q")
    dvc_init(folder)
    for event in EVENTS:
        if event == "first run" or event in (args.only or EVENTS):
            yield measure(project, event)
        if event == "first run":
            commit(folder)
    yield from empty_stages(project)
    yield bare(folder, "a stage without deps", "")
    yield bare(folder, f"a stage on {count:,} images", "input")
    _, seconds = shell(folder, sys.executable, "-c", "import tensorflow")
    yield {"event": "bare import tensorflow", "stages": [], "seconds": round(seconds, 2)}


def main() -> None:
    """Measures each number of images."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=Path, nargs="+", required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--count", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--only", nargs="+", choices=EVENTS, help="events, besides the first run")
    parser.add_argument("--set", nargs="+", default=[], metavar="SECTION.NAME=VALUE")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    rows = []
    for count in args.count:
        print(f"\n{count:,} images\n\n{HEADING}", flush=True)
        with tempfile.TemporaryDirectory() as name:
            for row in run(Path(name), args, count):
                print(table_row(row), flush=True)
                rows.append({"count": count, **row})
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
