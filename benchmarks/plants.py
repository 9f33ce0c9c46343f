"""What `inspect` finds of faults that were planted in folders of good images.

    python -m benchmarks.plants --images DIR... --weights FILE.h5 [--cut CUT...] [--json FILE]

Three times something is planted in each set, and `validate`, `extract` and `inspect` run on it:
COUNT copies of each kind (altered training images, beside the original, in another class or in
input/test); COUNT training images moved to another class; COUNT images of the next set among
those of the classes, ten at a time. Recall is the share of what was planted that was found as what
it is, precision the share of what was found that was planted. The first rows say what is found with
nothing planted. Of that, copies count neither as right nor as wrong afterwards (on the sets tried
they are copies, to the eye); labels and outliers count as wrong, although some are not.
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

Score = tuple[str, int, int, float, float]  # what, how many, found, precision, recall
COUNT = 50
STRANGERS = 10  # at a time: more would be a class of their own


def scaled(image: Image.Image, factor: float) -> Image.Image:
    """Returns the image at another size."""
    return image.resize((round(image.width * factor), round(image.height * factor)))


def cropped(image: Image.Image, share: float) -> Image.Image:
    """Returns the image without its rim."""
    x, y = round(image.width * share), round(image.height * share)
    return image.crop((x, y, image.width - x, image.height - y))


ALTERED: dict[str, tuple[Callable[[Image.Image], Image.Image], int]] = {  # and JPEG's quality
    "half the size": (lambda image: scaled(image, 0.5), 85),
    "a quarter of the size": (lambda image: scaled(image, 0.25), 85),
    "JPEG of quality 30": (lambda image: image, 30),
    "JPEG of quality 10": (lambda image: image, 10),
    "mirrored": (ImageOps.mirror, 90),
    "mirrored, 2/3 the size, quality 50": (lambda image: ImageOps.mirror(scaled(image, 2 / 3)), 50),
    "30 % brighter": (lambda image: ImageEnhance.Brightness(image).enhance(1.3), 90),
    "grey": (lambda image: ImageOps.grayscale(image).convert("RGB"), 90),
    "turned by 3 degrees": (lambda image: image.rotate(3), 90),
    "cropped by 5 % a side": (lambda image: cropped(image, 0.05), 90),
    "cropped by 15 % a side": (lambda image: cropped(image, 0.15), 90),
}
EASY = ("half the size", "JPEG of quality 30", "mirrored, 2/3 the size, quality 50")


@dataclass(frozen=True)
class Row:
    """A row of the table."""

    images: str
    cut: str
    planted: str
    count: int
    found: int
    precision: float
    recall: float


class Folder:
    """A set of images in a folder of its own, in which things are planted."""

    def __init__(self, folder: Path, images: Path, weights: Path, cut: str) -> None:
        self.folder, self.images = folder, images
        prepare(folder, images, {"fetch.weights": str(weights.resolve()), "freeze.last_layer": cut})
        self.run("fetch", "freeze")

    def run(self, *stages: str) -> None:
        """Runs stages."""
        for stage in stages:
            command = [sys.executable, "-m", f"stages.{stage}"]
            subprocess.run(command, cwd=self.folder, check=True, stdout=subprocess.DEVNULL)

    def reset(self) -> None:
        """Takes out what was planted."""
        files.remove(self.folder / "input")  # a link at first, which stays untouched behind it
        shutil.copytree(self.images, self.folder / "input")

    def train(self) -> list[str]:
        """Returns the training images."""
        files = sorted((self.folder / "input" / "train").rglob("*.*"))
        return [path.relative_to(self.folder).as_posix() for path in files if path.is_file()]

    def other_class(self, path: str, draw: random.Random) -> str:
        """Returns a place in another class for an image."""
        names = sorted(p.name for p in (self.folder / "input" / "train").iterdir() if p.is_dir())
        own = Path(path).parts[2]
        name = draw.choice([name for name in names if name != own])
        return f"input/train/{name}/{Path(path).stem} of {own}.jpg"

    def inspected(self) -> list[Finding]:
        """Returns what is found."""
        self.run("validate", "extract", "inspect")
        return findings.read(self.folder / findings.PATH)


def plant_copies(
    place: Folder, kinds: dict[str, str], draw: random.Random
) -> dict[tuple[str, str], tuple[str, str]]:
    """Plants copies; returns their kind and the finding to be expected, by copy and original.

    Args:
        place: the set.
        kinds: for each, where to: `class`, `other` or `test`.
        draw: of the originals; each is used once.
    """
    originals = draw.sample(place.train(), min(COUNT * len(kinds), len(place.train())))
    planted = {}
    for number, path in enumerate(originals):
        kind = list(kinds)[number % len(kinds)]
        where = kinds[kind]
        new = f"{path.rsplit('.', 1)[0]} copy.jpg"
        if where == "other":
            new = place.other_class(path, draw)
        if where == "test":
            new = f"input/test/copy {number}.jpg"
        source, target = place.folder / path, place.folder / new
        if kind.endswith("the same bytes"):
            shutil.copy(source, target)
        else:
            alter, quality = ALTERED[kind.split(": ")[-1]]
            alter(Image.open(source).convert("RGB")).save(target, quality=quality)
        code = {"class": "duplicate", "other": "label_conflict", "test": "in_train_and_test"}[where]
        planted[new, path] = kind, code
    return planted


def copies(place: Folder, before: list[Finding], draw: random.Random) -> list[Score]:
    """Plants copies of all kinds and scores what is found besides what was found before."""
    there = {frozenset((one.path, one.other)) for one in before}
    kinds = {"the same bytes": "class", **dict.fromkeys(ALTERED, "class")}
    kinds |= {f"in another class: {name}": "other" for name in EASY}
    kinds |= {f"in input/test: {name}": "test" for name in EASY}
    rows = []
    for some in (dict(list(kinds.items())[at : at + 6]) for at in range(0, len(kinds), 6)):
        place.reset()
        planted = plant_copies(place, some, draw)
        found = [one for one in place.inspected() if one.other]
        found = [one for one in found if frozenset((one.path, one.other)) not in there]
        seen = {(one.path, one.other): one.finding for one in found}
        for kind in some:
            pairs = [pair for pair, (of, _) in planted.items() if of == kind]
            right = sum(
                planted[pair][1] in (seen.get(pair), seen.get(pair[::-1])) for pair in pairs
            )
            mine = {path for pair in pairs for path in pair}
            theirs = {path for pair in planted for path in pair} - mine
            own = [one for one in found if not {one.path, one.other} & theirs]
            true = sum(
                (one.path, one.other) in planted or (one.other, one.path) in planted for one in own
            )
            rows.append((kind, len(pairs), len(own), true / max(1, len(own)), right / len(pairs)))
    return rows


def labels(place: Folder, draw: random.Random) -> Score:
    """Moves images to other classes and scores what is found."""
    place.reset()
    planted = set()
    for path in draw.sample(place.train(), COUNT):
        new = place.other_class(path, draw)
        (place.folder / path).rename(place.folder / new)
        planted.add(new)
    found = [one for one in place.inspected() if one.finding == WRONG_LABEL]
    found = [one for one in found if one.path.startswith("input/train/")]
    return scored("in another class, moved", planted, {one.path for one in found})


def strangers(place: Folder, other: Path, draw: random.Random) -> Score:
    """Plants images of another set in the classes and scores what is found."""
    planted, found = set[str](), set[str]()
    files = draw.sample(sorted((other / "train").rglob("*.jpg")), COUNT)
    for at in range(0, COUNT, STRANGERS):
        place.reset()
        homes = sorted((place.folder / "input" / "train").iterdir())
        for number, file in enumerate(files[at : at + STRANGERS]):
            new = draw.choice(homes) / f"stranger {at + number}.jpg"
            shutil.copy(file, new)
            planted.add(new.relative_to(place.folder).as_posix())
        found |= {one.path for one in place.inspected() if one.finding == OUTLIER}
    found = {path for path in found if path.startswith("input/train/")}
    return scored(f"of {other.name}, {STRANGERS} at a time", planted, found)


def scored(name: str, planted: set[str], found: set[str]) -> Score:
    """Returns how well what was found is what was planted."""
    true = len(planted & found)
    return name, len(planted), len(found), true / max(1, len(found)), true / len(planted)


def as_it_is(before: list[Finding]) -> list[Score]:
    """Returns how much is found where nothing was planted."""
    found = [one for one in before if one.path.startswith("input/train/")]
    kinds = {"copies": [one for one in found if one.other]}
    kinds |= {
        code: [one for one in found if one.finding == code] for code in (WRONG_LABEL, OUTLIER)
    }
    nan = float("nan")
    return [(f"nothing: {name}", 0, len(those), nan, nan) for name, those in kinds.items()]


def main() -> None:
    """Measures every set with every cut."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=Path, nargs="+", required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--cut", nargs="+", default=["mixed10"])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows: list[Row] = []
    print("| set | cut | planted | of them | found | precision | recall |\n" + 7 * "|---" + "|")
    sets = arguments.images
    for cut in arguments.cut:
        for number, images in enumerate(sets):
            with tempfile.TemporaryDirectory() as name:
                place, draw = Folder(Path(name), images, arguments.weights, cut), random.Random(1)
                before = place.inspected()
                found = as_it_is(before) + copies(place, before, draw) + [labels(place, draw)]
                found.append(strangers(place, sets[(number + 1) % len(sets)], draw))
            for cells in found:
                row = Row(images.name, cut, *cells)
                rows.append(row)
                print(
                    "| {} | {} | {} | {} | {} | {:.2f} | {:.2f} |".format(*asdict(row).values()),
                    flush=True,
                )
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=2))


if __name__ == "__main__":
    main()
