"""Look for what the images themselves tell of faults in the data; drop only what params say.

Reads   results/images.csv, results/perceptual_hashes.npy, results/features_train.npz, results/features_test.npz
Writes  results/inspection.csv, results/excluded.csv
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from classifier.common import params
from classifier.common.errors import StageError
from classifier.dataset import duplicates, excluded, features, findings, manifest
from classifier.dataset.features import FeatureTable
from classifier.dataset.findings import FINDINGS, OUTLIER, WRONG_LABEL, Finding
from classifier.dataset.manifest import ImageRow
from classifier.images import perceptual_hash
from classifier.similarity import pca
from classifier.similarity.pca import PCA, unit
from stages.inspect import label_errors, near_duplicates, outliers
from stages.inspect.label_errors import LabelErrors
from stages.inspect.near_duplicates import Pairs
from stages.inspect.unique_images import UniqueImages

STRANGE = 3.0  # robust standard deviations; docs/inspection.md has its error rates
UNTOLD = "wrong labels and outliers are not looked for: random weights tell nothing of them"


@dataclass(frozen=True)
class Params:
    """Section `inspect` of params.yaml: which training images are left out of training."""

    drop_label_conflicts: bool  # those of which a copy is in another class
    drop_leaks: bool  # those of which a copy is in the validation or test images
    drop_duplicates: bool  # those of which a copy comes before them in their class
    drop_wrong_labels: bool
    drop_outliers: bool

    def drops(self) -> dict[str, str]:
        """Returns the name of the param by each finding for which images are dropped."""
        leaks = ("in_train_and_validation", "in_train_and_test")
        names = {
            "drop_label_conflicts": ("label_conflict",),
            "drop_leaks": leaks,
            "drop_duplicates": ("duplicate",),
            "drop_wrong_labels": (WRONG_LABEL,),
            "drop_outliers": (OUTLIER,),
        }
        return {
            code: name for name, codes in names.items() if getattr(self, name) for code in codes
        }


@dataclass(frozen=True)
class Numbered:
    """An image with the number of its content."""

    content: int
    row: ImageRow


def projected(
    train: FeatureTable, test: FeatureTable, contents: UniqueImages
) -> tuple[np.ndarray, PCA]:
    """Returns the features of each content along principal axes, float32 (U, K), and these.

    The axes are those of the training images: others have no say in what these are told.
    """
    own, others = (np.flatnonzero(table.views == 0) for table in (train, test))
    learned = own[contents.first[: contents.learned]]
    rest = others[contents.first[contents.learned :] - len(own)]
    axes = pca.fit(train.features, learned)
    values = [axes.of(train.features, learned), axes.of(test.features, rest)]
    return np.concatenate(values), axes


def leaders(pairs: Pairs, places: np.ndarray) -> np.ndarray:
    """Returns one number for each content, int (U,), the same for copies of one image."""
    found = places.copy()
    for one, other in zip(pairs.one.tolist(), pairs.other.tolist(), strict=True):
        found[other] = found[one]
    return found


def pick(
    images_csv: Path, contents: UniqueImages, wanted: np.ndarray, tests: int
) -> list[Numbered]:
    """Returns the images of some contents, in path order.

    Args:
        images_csv: has test images first, as `input/test` comes before `input/train`.
        contents: of the images, test images last.
        wanted: bool (U,), the contents.
        tests: number of test images.
    """
    numbers = np.roll(contents.number, tests).tolist()
    rows = zip(numbers, manifest.iter_rows(images_csv), strict=True)
    return [Numbered(number, row) for number, row in rows if wanted[number]]


def copies(images: list[Numbered], pairs: Pairs) -> Iterator[Finding]:
    """Yields what is amiss with images that are copies of others, by bytes or by looks."""
    first: defaultdict[int, dict[tuple[str, str], ImageRow]] = defaultdict(dict)
    for one in images:
        first[one.content].setdefault((one.row.split, one.row.label), one.row)
    near = neighbourhood(pairs)
    for one in images:
        alike = {one.content: (0.0, False)} | near.get(one.content, {})
        of = {row.path: said for number, said in alike.items() for row in first[number].values()}
        others = (row for number in alike for row in first[number].values())
        for code, other in duplicates.duplicates_of(one.row, others):
            apart, mirrored = of[other.path]
            same = "the same bytes as" if one.row.sha256 == other.sha256 else "the same image as"
            same = "the mirror image of" if mirrored else same
            detail = f"{same} {other.path}"
            found = (one.row.path, one.row.label, code, 1 - apart, "", other.path)
            yield Finding(*found, detail)


def neighbourhood(pairs: Pairs) -> dict[int, dict[int, tuple[float, bool]]]:
    """Returns the copies of each content, the most alike first: how far apart, and if mirrored."""
    found: defaultdict[int, dict[int, tuple[float, bool]]] = defaultdict(dict)
    for at in np.argsort(pairs.apart, kind="stable").tolist():
        one, other = int(pairs.one[at]), int(pairs.other[at])
        said = float(pairs.apart[at]), bool(pairs.mirrored[at])
        found[one][other] = found[other][one] = said
    return found


def misfits(
    images: list[Numbered], found: LabelErrors, strange: np.ndarray, class_names: list[str]
) -> Iterator[Finding]:
    """Yields the images whose label is probably wrong, and those like no other."""
    for one in images:
        row, at = one.row, one.content
        if row.label and found.suggested[at] >= 0:
            better = class_names[found.suggested[at]]
            detail = f"looks like {better} ({found.chance[at]:.2f}), not like "
            detail += f"{row.label} ({found.own[at]:.2f})"
            score = 1 - float(found.own[at])
            yield Finding(row.path, row.label, WRONG_LABEL, score, better, "", detail)
        if (score := float(strange[at])) > STRANGE:
            detail = "is less like the images most like it than others are"
            yield Finding(row.path, row.label, OUTLIER, score, "", "", detail)


def to_leave_out(
    findings: Iterable[Finding], images: list[Numbered], drops: Mapping[str, str]
) -> dict[str, str]:
    """Returns why a training image is left out, by its path."""
    training = {one.row.path for one in images if one.row.split == "train"}
    order = sorted(findings, key=lambda one: FINDINGS.index(one.finding), reverse=True)
    return {one.path: one.finding for one in order if one.finding in drops and one.path in training}


def require_enough(images_csv: Path, reasons: Mapping[str, str], drops: Mapping[str, str]) -> None:
    """Raises a StageError if a class is left with fewer than two different images."""
    if not reasons:
        return
    remain: defaultdict[str, set[str]] = defaultdict(set)
    why: defaultdict[str, set[str]] = defaultdict(set)
    for row in manifest.iter_rows(images_csv):
        if row.path in reasons:
            why[row.label].add(f"inspect.{drops[reasons[row.path]]}")
        elif row.split == "train" and len(remain[row.label]) < 2:
            remain[row.label].add(row.sha256)
    faults = [
        f"params.yaml: {' and '.join(sorted(names))} must leave each class two different images; "
        f"got {len(remain[label])} of {label}: set it to false, or add images"
        for label, names in sorted(why.items())
        if len(remain[label]) < 2
    ]
    if faults:
        raise StageError(*faults)


def main(
    images_csv: Path = manifest.PATH,
    looks_npy: Path = perceptual_hash.PATH,
    train_npz: Path = features.TRAIN,
    test_npz: Path = features.TEST,
    out: Path = findings.PATH,
    left_out_csv: Path = excluded.PATH,
) -> None:
    """Inspects all images."""
    drops = params.load("inspect", Params).drops()
    train, test = features.read(train_npz), features.read(test_npz)
    contents = UniqueImages.of(train, test)
    tests = int(np.sum(test.views == 0))
    values, axes = projected(train, test, contents)
    seen = np.roll(perceptual_hash.read(looks_npy), -tests, axis=0)[contents.first]
    pairs = near_duplicates.find_pairs(values / axes.scales.astype(np.float32), seen)
    wanted = np.bincount(contents.number) > 1
    wanted[pairs.one] = wanted[pairs.other] = True
    told = str(train.weights) != "random"
    if told:
        groups = leaders(pairs, contents.place)
        fit = label_errors.find(values, contents.labels, groups, contents.learned)
        whole = unit(axes.uncentred(values))
        strange = outliers.outlier_scores(whole, groups, contents.learned)
        wanted |= (fit.suggested >= 0) | (strange > STRANGE)
    images = pick(images_csv, contents, wanted, tests)
    found = list(copies(images, pairs))
    if told:
        found += misfits(images, fit, strange, train.class_names.tolist())
    reasons = to_leave_out(found, images, drops)
    require_enough(images_csv, reasons, drops)
    findings.write(out, found)
    excluded.write(left_out_csv, reasons)
    print(line(len(contents.number), found, len(reasons), out) + ("" if told else f"; {UNTOLD}"))


def line(count: int, findings: list[Finding], left: int, out: Path) -> str:
    """Returns what the stage says when it has done."""
    counts = Counter(one.finding for one in findings)
    said = ", ".join(f"{counts[code]} {code}" for code in FINDINGS if counts[code])
    dropped = f"; {left} left out of training" if left else ""
    return f"inspect: {count} images: {said or 'nothing found'} -> {out.as_posix()}{dropped}"
