"""Small drawn images, and a real DVC project of them to run the pipeline in."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image, ImageDraw

from classifier.dataset import manifest
from classifier.dataset.manifest import ImageRow

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
COPIED = (
    "results/.gitignore",
    "models/.gitignore",
    "input/README.md",
    ".dvc/config",
    ".dvc/.gitignore",
    ".dvcignore",
    ".gitignore",
    "dvc.yaml",
    "params.yaml",
)
GIT = shutil.which("git")
needs_git = pytest.mark.skipif(not GIT, reason="git is not installed")
COLOURS = {"circle": "crimson", "cross": "seagreen", "square": "royalblue"}
EXPORTS = "results/exports.csv"


def draw(path: Path, shape: str, seed: int, size: tuple[int, int] = (120, 90)) -> Path:
    """Draws a shape at a random place on noise."""
    rng = np.random.default_rng([seed, *shape.encode()])
    image = Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), np.uint8))
    x, y, r = rng.integers(30, 60), rng.integers(30, 60), rng.integers(15, 28)
    box, pen = (int(x - r), int(y - r), int(x + r), int(y + r)), ImageDraw.Draw(image)
    if shape == "circle":
        pen.ellipse(box, COLOURS[shape])
    elif shape == "square":
        pen.rectangle(box, COLOURS[shape])
    else:
        pen.line(box, COLOURS[shape], 9)
        pen.line((box[0], box[3], box[2], box[1]), COLOURS[shape], 9)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, quality=90)
    return path


def draw_classes(root: Path, per_class: int = 6, test: int = 3) -> Path:
    """Draws input/train/<class>/ and loose images in input/test/."""
    for shape in COLOURS:
        for seed in range(per_class):
            draw(root / "train" / shape / f"{seed}.jpg", shape, seed)
    for seed in range(test):
        draw(root / "test" / f"{seed}.jpg", list(COLOURS)[seed % 3], 100 + seed)
    return root


def touch(folder: Path, *names: str) -> None:
    """Makes files below a folder."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def write_images_csv(path: Path, rows: Iterable[ImageRow]) -> None:
    """Writes a results/images.csv."""
    with manifest.open_writer(path) as write_row:
        for row in rows:
            write_row(row)


def read_lock(text: str) -> dict:
    """Returns the stages of a dvc.lock without the hash of results/exports.csv, which has times."""
    stages = yaml.safe_load(text)["stages"]
    outs = stages.get("export", {}).get("outs", [])
    assert [out["path"] for out in outs if out["path"] != "models/exported"] in ([], [EXPORTS])
    for out in outs:
        if out["path"] == EXPORTS:
            out.clear()
    return stages


class Project:
    """A copy of the pipeline in its own folder, with a git and a DVC repository."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = ""  # of the last `dvc repro`

    def shell(self, *command: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs a command in the project, with this Python's programs first on the path."""
        programs = str(Path(sys.executable).parent)
        env = {**os.environ, "PATH": programs + os.pathsep + os.environ["PATH"]}
        done = subprocess.run(
            command, cwd=self.folder, env=env, capture_output=True, text=True, check=False
        )
        assert not ok or done.returncode == 0, done.stdout + done.stderr
        return done

    def repro(self, *arguments: str) -> set[str]:
        """Runs `dvc repro` and returns the names of the stages that were executed."""
        self.output = self.shell("dvc", "repro", *arguments).stdout
        return executed(self.output)

    def stage(self, name: str) -> subprocess.CompletedProcess[str]:
        """Runs one stage without DVC; it may fail."""
        return self.shell(sys.executable, "-m", f"stages.{name}", ok=False)

    def set(self, name: str, value: object) -> object:
        """Sets `section.value` in params.yaml and returns the old value."""
        path = self.folder / "params.yaml"
        document = yaml.safe_load(path.read_text())
        section, _, key = name.partition(".")
        before = document[section][key]
        document[section][key] = value
        path.write_text(yaml.safe_dump(document, sort_keys=False))
        return before


def executed(output: str) -> set[str]:
    """Returns the names of the stages that `dvc repro` printed as running.

    Leaves out `code` and `params`, which run after every change of code and of params.yaml.
    """
    return set(re.findall(r"^Running stage '(\w+)'", output, re.M)) - {"code", "params"}


def make_project(folder: Path, weights: Path) -> Project:
    """Copies the pipeline, draws images and sets params that make it fast."""
    ignore = shutil.ignore_patterns("__pycache__", "demo_images")
    for code in ("classifier", "stages"):
        shutil.copytree(ROOT / code, folder / code, ignore=ignore)
    for name in COPIED:
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    project = Project(folder)
    draw_classes(folder / "input")
    for name, value in {
        "fetch.weights": str(weights),
        "freeze.layers": ["mixed0", "mixed1"],
        "freeze.image_height": 75,
        "freeze.image_width": 75,
        "freeze.precision": "float32",
        "extract.batch_size": 4,
        "train.hidden_units": 16,
        "train.batch_size": 4,
        "train.epochs": 4,
        "train.refit": False,
    }.items():
        project.set(name, value)
    if GIT:
        project.shell("git", "init", "-q")
        commit(project, "start")
    else:
        project.shell("dvc", "config", "core.no_scm", "true")
    return project


def commit(project: Project, message: str) -> None:
    """Commits everything git does not ignore; does nothing where git is not installed."""
    if not GIT:
        return
    project.shell("git", "add", "-A")
    author = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    project.shell("git", *author, "commit", "-qm", message)


def copy(project: Project, folder: Path) -> Project:
    """Returns a copy of a project with its DVC cache; the largest files are hard links."""
    shutil.copytree(project.folder, folder, symlinks=True, copy_function=_copy_or_link)
    return Project(folder)


def _copy_or_link(source: str, target: str) -> None:
    """Copies a file; links those that nobody changes in place (the weights, in DVC's cache too)."""
    if Path(source).stat().st_size > 50_000_000:
        os.link(source, target)
    else:
        shutil.copy2(source, target)
