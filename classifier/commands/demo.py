"""Try the whole pipeline on images drawn here: `python -m classifier demo`, or `make demo`.

Reads   dvc.yaml, params.yaml, stages/
Writes  demo/, a copy of the pipeline with images and results of its own
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from classifier.common import files
from classifier.common.errors import StageError, run_main

FOLDER = Path("demo")
IMAGES = Path(__file__).with_name("demo_images")
COPIED = ("dvc.yaml", "params.yaml", ".dvcignore")
DVC_CONFIG = "[core]\n    analytics = false\n    check_update = false\n    no_scm = true\n"
NO_WEIGHTS = """
****************************************************************************************
*  The ImageNet weights could not be had (see the error above). For this demo only,    *
*  RANDOM weights stand in: every step runs, but the network knows nothing of the      *
*  world, and the accuracy below says nothing of what your own images would get.     *
****************************************************************************************
"""


def copy_pipeline(folder: Path) -> None:
    """Copies the pipeline into `folder`, over an earlier copy; what it had computed stays."""
    folder.mkdir(exist_ok=True)
    ignore = shutil.ignore_patterns("__pycache__", IMAGES.name)
    for code in ("classifier", "stages"):
        files.remove(folder / code)
        shutil.copytree(code, folder / code, ignore=ignore)
    for name in COPIED:
        shutil.copyfile(name, folder / name)
    (folder / ".dvc").mkdir(exist_ok=True)
    (folder / ".dvc" / "config").write_text(DVC_CONFIG, encoding="utf-8")


def copy_images(folder: Path) -> None:
    """Copies the demo's images into `folder` unless it is there."""
    if folder.exists():
        print(f"demo: using the images in {folder.as_posix()}", flush=True)
        return
    with files.atomic_write(folder) as part:
        shutil.copytree(IMAGES, part)


def repro(folder: Path, *stages: str) -> bool:
    """Runs `dvc repro` in `folder` with this Python's programs, and tells whether it succeeded."""
    programs = str(Path(sys.executable).parent)
    env = {**os.environ, "PATH": programs + os.pathsep + os.environ.get("PATH", "")}
    sys.stdout.flush()
    command = [sys.executable, "-m", "dvc", "repro", *stages]
    return subprocess.run(command, cwd=folder, env=env, check=False).returncode == 0


def use_random_weights(params_yaml: Path) -> bool:
    """Makes `weights: imagenet` random in a params.yaml, and tells whether it was there."""
    before = params_yaml.read_text(encoding="utf-8")
    after = re.sub(r"\bweights: imagenet\b", "weights: random", before, count=1)
    params_yaml.write_text(after, encoding="utf-8")
    return after != before


def columns(rows: list[list[str]]) -> str:
    """Returns the rows as lines with their cells below each other."""
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def results(folder: Path) -> str:
    """Returns the predictions as a table, and where everything is."""
    rows = files.read_csv(folder / "results" / "predictions.csv")
    table = [list(rows[0]), *(list(row.values()) for row in rows)]
    places = [
        ["the images", "input/"],
        ["the predictions above", "results/predictions.csv"],
        ["all of it on one page, for a browser", "results/report.html"],
        ["the classifier for other programs", "models/exported/"],
        ["what to change before the next `dvc repro`", "params.yaml"],
    ]
    where = columns([[what, (folder / place).as_posix()] for what, place in places])
    return f"\n{columns(table)}\n\n{where}"


def main(folder: Path = FOLDER) -> None:
    """Runs the demo in `folder`."""
    copy_pipeline(folder)
    copy_images(folder / "input")
    if not repro(folder, "fetch") and use_random_weights(folder / "params.yaml"):
        print(NO_WEIGHTS)
    if not repro(folder):
        raise StageError(f"{folder}: `dvc repro` failed; its own words are above")
    print(results(folder))


if __name__ == "__main__":
    run_main(main)
