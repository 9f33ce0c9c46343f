"""Precision and recall of `inspect` on errors planted in folders of good images.

    python -m benchmarks.plants --images DIR... --weights FILE.h5 [--layers NAME...]
        [--json FILE]

Three kinds of errors are planted in each dataset, one after the other, and `validate`, `extract`
and `inspect` run on it: COUNT copies of each kind (altered training images, beside the original, in
another class or in input/test); COUNT training images moved to another class, at once and FEW at a
time; COUNT images of the next dataset in the class folders, OUTLIERS at a time. Recall is the
fraction of the planted errors that was found, as what it is; precision the fraction of the findings
that was planted. "The first 5" are the images that rank first. The first rows are the findings with
nothing planted, false alarms if the dataset has no errors. Copies among these are ignored later (on
the datasets tried they are copies, to the eye); wrong labels and outliers count as false, although
some are not.
"""

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image, ImageEnhance, ImageOps

from benchmarks.pipeline import prepare
from classifier.common import files
from classifier.dataset import findings
from classifier.dataset.findings import OUTLIER, WRONG_LABEL, Finding

Score = tuple[str, int, int, float, float]  # kind, planted, found, precision, recall
COUNT = 50
FEW = 5  # wrong labels, as in a dataset that someone has looked through
OUTLIERS = 10  # at a time: more would be a class of their own


def resize(image: Image.Image, factor: float) -> Image.Image:
    """Returns the image at another size."""
    return image.resize((round(image.width * factor), round(image.height * factor)))


def crop(image: Image.Image, fraction: float) -> Image.Image:
    """Returns the image without its margin."""
    x, y = round(image.width * fraction), round(image.height * fraction)
    return image.crop((x, y, image.width - x, image.height - y))


ALTERED: dict[str, tuple[Callable[[Image.Image], Image.Image], int]] = {  # and JPEG's quality
    "half the size": (lambda image: resize(image, 0.5), 85),
    "a quarter of the size": (lambda image: resize(image, 0.25), 85),
    "JPEG of quality 30": (lambda image: image, 30),
    "JPEG of quality 10": (lambda image: image, 10),
    "mirrored": (ImageOps.mirror, 90),
    "mirrored, 2/3 the size, quality 50": (lambda image: ImageOps.mirror(resize(image, 2 / 3)), 50),
    "30 % brighter": (lambda image: ImageEnhance.Brightness(image).enhance(1.3), 90),
    "grey": (lambda image: ImageOps.grayscale(image).convert("RGB"), 90),
    "rotated by 3 degrees": (lambda image: image.rotate(3), 90),
    "cropped by 5 % per side": (lambda image: crop(image, 0.05), 90),
    "cropped by 15 % per side": (lambda image: crop(image, 0.15), 90),
}
EASY = ("half the size", "JPEG of quality 30", "mirrored, 2/3 the size, quality 50")
EXPECTED = {"class": "duplicate", "other": "label_conflict", "test": "in_train_and_test"}


@dataclass(frozen=True)
class Row:
    """A row of the table."""

    dataset: str
    layers: str
    planted: str
    count: int
    found: int
    precision: float
    recall: float


class Dataset:
    """A copy of the pipeline with images in which errors are planted."""

    def __init__(self, folder: Path, images: Path, weights: Path, layers: str) -> None:
        self.folder, self.images = folder, images
        changes = {"fetch.weights": str(weights.resolve()), "freeze.layers": layers.split(",")}
        prepare(folder, images, changes)
        self.run("fetch", "freeze")

    def run(self, *stages: str) -> None:
        """Runs stages."""
        for stage in stages:
            command = [sys.executable, "-m", f"stages.{stage}"]
            subprocess.run(command, cwd=self.folder, check=True, stdout=subprocess.DEVNULL)

    def reset(self) -> None:
        """Removes what was planted."""
        files.remove(self.folder / "input")  # at first a link, whose target stays untouched
        shutil.copytree(self.images, self.folder / "input")

    def training_images(self) -> list[str]:
        """Returns the paths of the training images."""
        paths = sorted((self.folder / "input" / "train").rglob("*.*"))
        return [path.relative_to(self.folder).as_posix() for path in paths if path.is_file()]

    def path_in_other_class(self, path: str, rng: random.Random) -> str:
        """Returns a new path in another class for an image."""
        names = sorted(p.name for p in (self.folder / "input" / "train").iterdir() if p.is_dir())
        label = Path(path).parts[2]
        other = rng.choice([name for name in names if name != label])
        return f"input/train/{other}/{Path(path).stem} of {label}.jpg"

    def inspect(self) -> list[Finding]:
        """Returns the findings."""
        self.run("validate", "extract", "inspect")
        return findings.read(self.folder / findings.PATH)


def plant_copies(
    dataset: Dataset, kinds: dict[str, str], rng: random.Random
) -> dict[tuple[str, str], tuple[str, str]]:
    """Plants copies; returns kind and expected finding of each, by the paths of copy and original.

    Args:
        dataset: the images.
        kinds: of copies, each with its target: `class`, `other` or `test`.
        rng: draws the originals, each of them once.
    """
    paths = dataset.training_images()
    originals = rng.sample(paths, min(COUNT * len(kinds), len(paths)))
    planted = {}
    for number, path in enumerate(originals):
        kind = list(kinds)[number % len(kinds)]
        copy = f"{path.rsplit('.', 1)[0]} copy.jpg"
        if kinds[kind] == "other":
            copy = dataset.path_in_other_class(path, rng)
        if kinds[kind] == "test":
            copy = f"input/test/copy {number}.jpg"
        source, target = dataset.folder / path, dataset.folder / copy
        if kind.endswith("the same bytes"):
            shutil.copy(source, target)
        else:
            alter, quality = ALTERED[kind.split(": ")[-1]]
            alter(Image.open(source).convert("RGB")).save(target, quality=quality)
        planted[copy, path] = kind, EXPECTED[kinds[kind]]
    return planted


def score_copies(dataset: Dataset, before: list[Finding], rng: random.Random) -> list[Score]:
    """Plants copies of all kinds and scores the findings that were not there before."""
    known = {frozenset((one.path, one.other)) for one in before}
    kinds = {"the same bytes": "class", **dict.fromkeys(ALTERED, "class")}
    kinds |= {f"in another class: {name}": "other" for name in EASY}
    kinds |= {f"in input/test: {name}": "test" for name in EASY}
    scores = []
    for start in range(0, len(kinds), 6):
        some_kinds = dict(list(kinds.items())[start : start + 6])
        dataset.reset()
        planted = plant_copies(dataset, some_kinds, rng)
        found = [one for one in dataset.inspect() if one.other]
        found = [one for one in found if frozenset((one.path, one.other)) not in known]
        scores += [score_kind(kind, planted, found) for kind in some_kinds]
    return scores


def score_kind(
    kind: str, planted: dict[tuple[str, str], tuple[str, str]], found: list[Finding]
) -> Score:
    """Returns the score of one kind among the copies planted together."""
    codes = {(one.path, one.other): one.finding for one in found}
    pairs = [pair for pair, (other_kind, _) in planted.items() if other_kind == kind]
    recalled = sum(planted[pair][1] in (codes.get(pair), codes.get(pair[::-1])) for pair in pairs)
    paths = {path for pair in pairs for path in pair}
    of_other_kinds = {path for pair in planted for path in pair} - paths
    relevant = [one for one in found if not {one.path, one.other} & of_other_kinds]
    true = sum(
        (one.path, one.other) in planted or (one.other, one.path) in planted for one in relevant
    )
    return kind, len(pairs), len(relevant), true / max(1, len(relevant)), recalled / len(pairs)


def move_labels(dataset: Dataset, count: int, rng: random.Random) -> set[str]:
    """Moves images to other classes; returns their new paths."""
    dataset.reset()
    planted = set()
    for path in rng.sample(dataset.training_images(), count):
        moved = dataset.path_in_other_class(path, rng)
        (dataset.folder / path).rename(dataset.folder / moved)
        planted.add(moved)
    return planted


def score_labels(dataset: Dataset, at_a_time: int, rng: random.Random) -> list[Score]:
    """Moves COUNT images to other classes, some at a time, and scores findings and ranks."""
    planted, found = set[str](), set[str]()
    first: dict[int, set[str]] = {at_a_time: set(), 2 * at_a_time: set()}
    for run in range(COUNT // at_a_time):
        planted |= {f"{run} {path}" for path in move_labels(dataset, at_a_time, rng)}
        findings_of_run = training_findings(dataset.inspect(), WRONG_LABEL)
        ranked = [f"{run} {one.path}" for one in findings_of_run]
        found.update(ranked)
        for number, paths in first.items():
            paths.update(ranked[:number])
    kind = f"moved to another class, {at_a_time} at a time"
    ranks = [score(f"{kind}: the first {n}", planted, paths) for n, paths in first.items()]
    return [score(kind, planted, found), *ranks]


def score_outliers(dataset: Dataset, other: Path, rng: random.Random) -> Score:
    """Plants images of another dataset in the classes and scores the findings."""
    planted, found = set[str](), set[str]()
    sources = rng.sample(sorted((other / "train").rglob("*.jpg")), COUNT)
    for run, start in enumerate(range(0, COUNT, OUTLIERS)):
        dataset.reset()
        classes = sorted((dataset.folder / "input" / "train").iterdir())
        for number, source in enumerate(sources[start : start + OUTLIERS]):
            target = rng.choice(classes) / f"outlier {start + number}.jpg"
            shutil.copy(source, target)
            planted.add(f"{run} {target.relative_to(dataset.folder).as_posix()}")
        results = training_findings(dataset.inspect(), OUTLIER)
        found |= {f"{run} {one.path}" for one in results}
    return score(f"from {other.name}, {OUTLIERS} at a time", planted, found)


def training_findings(results: list[Finding], code: str) -> list[Finding]:
    """Returns the findings of one kind about training images."""
    return [one for one in results if one.finding == code and one.path.startswith("input/train/")]


def score(kind: str, planted: set[str], found: set[str]) -> Score:
    """Returns the score of what was found."""
    true = len(planted & found)
    return kind, len(planted), len(found), true / max(1, len(found)), true / len(planted)


def score_unchanged(before: list[Finding], n_images: int) -> list[Score]:
    """Returns how much is found among the training images where nothing was planted."""
    copies = [one for one in before if one.path.startswith("input/train/") and one.other]
    counts = {"copies": len(copies)}
    counts |= {code: len(training_findings(before, code)) for code in (WRONG_LABEL, OUTLIER)}
    nan = float("nan")
    return [
        (f"nothing: {name} among {n_images} images", 0, number, nan, nan)
        for name, number in counts.items()
    ]


def main() -> None:
    """Measures every dataset with every list of layers."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=Path, nargs="+", required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--layers", nargs="+", default=["mixed10"])
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    rows: list[Row] = []
    names = "dataset | layers | planted | of them | found | precision | recall"
    print(f"| {names} |\n" + 7 * "|---" + "|")
    for layers in args.layers:
        for number, images in enumerate(args.images):
            other = args.images[(number + 1) % len(args.images)]
            with tempfile.TemporaryDirectory() as temporary:
                dataset = Dataset(Path(temporary), images, args.weights, layers)
                rng, before = random.Random(1), dataset.inspect()
                scores = score_unchanged(before, len(dataset.training_images()))
                scores += score_copies(dataset, before, rng)
                scores += score_labels(dataset, COUNT, rng) + score_labels(dataset, FEW, rng)
                scores.append(score_outliers(dataset, other, rng))
            for cells in scores:
                rows.append(Row(images.name, layers, *cells))
                row = "| {} | {} | {} | {} | {} | {:.2f} | {:.2f} |"
                print(row.format(*asdict(rows[-1]).values()), flush=True)
    if args.json:
        args.json.write_text(json.dumps([asdict(row) for row in rows], indent=2))


if __name__ == "__main__":
    main()
