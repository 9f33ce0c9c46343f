"""Time, peak memory and disk of every stage with up to two million images.

    python -m benchmarks.scale [--tables] [--count 10000 100000] [--columns 2048] [--work DIR]

A stub replaces the network, so that everything else is measured, by `dvc repro` in a new project:
small images of 100 classes, all different, are drawn, read and decoded; the features are drawn from
their content (drawn.py). With --tables no training image is drawn: `validate` writes its tables and
`extract` the features as if there were images and as if the cache had their features. A million
images need about 30 GB below DIR, with --tables 10 GB (of --columns 2048). Peak memory is that of
the process of the stage, as the operating system reports it.
"""

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

from benchmarks import drawn
from benchmarks.drawn_stage import LOG, SETTINGS
from benchmarks.pipeline import ROOT
from benchmarks.repro import commit, dvc_init, shell
from classifier.dataset import source

HEADING = "| event | stage | s | peak MiB | MB of outputs |\n|---|---|---|---|---|"
COPIED = ("dvc.yaml", "params.yaml", ".dvcignore", ".gitignore", "results", "models")
CHANGES = {
    "report.heat_maps": False,  # there is no network
    "export.openvino": False,
    "validate.table_format": "csv",  # for all counts
}
MORE = 100  # images


class Project:
    """A pipeline on drawn images under git and DVC."""

    def __init__(self, folder: Path, settings: dict[str, object]) -> None:
        self.folder, self.settings, self.drawn = folder, settings, 0
        for code in ("classifier", "stages", "benchmarks"):
            shutil.copytree(ROOT / code, folder / code)
        for name in COPIED:
            copy = shutil.copy if (ROOT / name).is_file() else _copy_ignored
            copy(ROOT / name, folder / name)
        text = (folder / "dvc.yaml").read_text(encoding="utf-8")
        text = text.replace("python -m stages.", "python -m benchmarks.drawn_stage ")
        before, own, after = text.partition(f"      - {source.TEMPLATE}\n")
        text = f"{before}{own}      - {SETTINGS}\n{after}"
        (folder / "dvc.yaml").write_text(text, encoding="utf-8")
        self.stages = yaml.safe_load(text)["stages"]
        for name, value in CHANGES.items():
            self.set(name, value)
        self.draw()
        shell(folder, "git", "init", "-q")
        dvc_init(folder)
        shell(folder, "dvc", "config", "cache.type", "hardlink,copy")

    def set(self, name: str, value: object) -> None:
        """Changes a param."""
        path, (section, key) = self.folder / "params.yaml", name.split(".")
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        values[section][key] = value
        path.write_text(yaml.safe_dump(values), encoding="utf-8")

    def draw(self, more: int = 0) -> None:
        """Draws the images that are not there yet; only test images where tables replace files."""
        count, test = int(str(self.settings["count"])) + more, float(str(self.settings["test"]))
        numbers = (
            number
            for number in range(self.drawn, count)
            if self.settings["files"] or drawn.split_of(number, test) == "test"
        )
        drawn.draw(self.folder, numbers, test)
        self.drawn = self.settings["count"] = count
        (self.folder / SETTINGS).write_text(json.dumps(self.settings))

    def megabytes(self, stage: str) -> float:
        """Returns the size of the outputs of a stage."""
        outs = (Path(self.folder, *out) for out in map(_names, self.stages[stage].get("outs", ())))
        files = (path for out in outs for path in (out, *out.rglob("*")) if path.is_file())
        return sum(path.stat().st_size for path in files) / 1e6

    def repro(self, event: str) -> Iterator[dict[str, object]]:
        """Yields a row for each stage that `dvc repro` runs, and one for all of it."""
        (self.folder / LOG).unlink(missing_ok=True)
        _, seconds = shell(self.folder, "dvc", "repro")
        text = (self.folder / LOG).read_text() if (self.folder / LOG).exists() else ""
        for line in map(json.loads, text.splitlines()):
            yield {"event": event, **line, "megabytes": self.megabytes(line["stage"])}
        yield {"event": event, "stage": "dvc repro", "seconds": seconds}


def _names(out: str | dict[str, object]) -> list[str]:
    """Returns the path of an output, which may have options."""
    return [out] if isinstance(out, str) else list(out)


def _copy_ignored(source: Path, target: Path) -> None:
    target.mkdir()
    shutil.copy(source / ".gitignore", target)


EVENTS: dict[str, Callable[[Project], object]] = {
    "first run": lambda project: None,
    "no-op": lambda project: None,
    f"+{MORE} images": lambda project: project.draw(MORE),
    "changed head": lambda project: project.set("train.seed", 2),
}


def show(row: dict[str, object]) -> None:
    """Prints a row of the table."""
    numbers = (row.get(name) for name in ("peak_mib", "megabytes"))
    cells = ("" if number is None else f"{number:,.0f}" for number in numbers)
    print(
        f"| {row['event']} | {row['stage']} | {row['seconds']:.1f} | {' | '.join(cells)} |",
        flush=True,
    )


def main() -> None:
    """Measures each number of images."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--tables", action="store_true", help="no files of training images")
    parser.add_argument("--columns", type=int, default=2048, help="features of an image")
    parser.add_argument("--test", type=float, default=0.02, help="fraction of test images")
    parser.add_argument("--only", nargs="+", choices=EVENTS, help="events, besides the first run")
    parser.add_argument("--set", nargs="+", default=[], metavar="SECTION.NAME=VALUE")
    parser.add_argument(
        "--work", type=Path, help="folder for the project; default: the temporary folder"
    )
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    rows = []
    for count in args.count:
        print(f"\n{count:,} images\n\n{HEADING}", flush=True)
        settings = {"count": count, "test": args.test, "columns": args.columns}
        with tempfile.TemporaryDirectory(dir=args.work) as name:
            project = Project(Path(name), {**settings, "files": not args.tables})
            for change in args.set:
                param, _, value = change.partition("=")
                project.set(param, yaml.safe_load(value))
            time.sleep(3)  # or the files count as changed just now
            for event, change_project in EVENTS.items():
                if event == "first run" or event in (args.only or EVENTS):
                    change_project(project)
                    for row in project.repro(event):
                        show(row)
                        rows.append({"images": count, **row})
                    if event == "first run":
                        commit(project.folder)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
