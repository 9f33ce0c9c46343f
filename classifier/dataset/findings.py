"""results/inspection.csv: images that stage `inspect` suspects to be duplicates or errors."""

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from classifier.common import files
from classifier.common.errors import count
from classifier.dataset import duplicates
from classifier.dataset.manifest import ImageRow

PATH = Path("results/inspection.csv")
WRONG_LABEL, OUTLIER, LIST_AND_FOLDER = "wrong_label", "outlier", "list_and_folder"
DROP_PARAMS = {  # values of section `inspect`, by the finding for which they exclude images
    "label_conflict": "drop_label_conflicts",
    "in_train_and_validation": "drop_leaks",
    "in_train_and_test": "drop_leaks",
    "duplicate": "drop_duplicates",
    WRONG_LABEL: "drop_wrong_labels",
    OUTLIER: "drop_outliers",
}
FINDINGS = (*duplicates.CODES, WRONG_LABEL, OUTLIER, LIST_AND_FOLDER)  # most serious first


HEADER = ("path", "label", "finding", "rank", "score", "suggested", "other", "detail")


class Finding(NamedTuple):
    """Something about an image that the user should look at.

    The score of a duplicate is its similarity to the other image, 1 if they are the same; that of
    a wrong label 1 minus its probability; that of an outlier how much farther than usual it is
    from its nearest neighbours, in robust standard deviations; others have 0.
    """

    path: str
    label: str  # its class; empty if unknown
    finding: str  # one of FINDINGS
    score: float
    suggested: str  # a class that suits a wrong label's image better, or that of its folder
    other: str  # path of the image that this one duplicates
    detail: str  # a sentence


def dropped(inspect_params: Mapping[str, object]) -> dict[str, str]:
    """Returns the findings for which images are dropped, each with the name of its param."""
    return {finding: name for finding, name in DROP_PARAMS.items() if inspect_params.get(name)}


def warnings(
    images: Iterable[tuple[ImageRow, Iterable[str]]], dropped: Container[str]
) -> list[str]:
    """Returns warnings about what the findings say of the scores.

    Args:
        images: all images, each with the kinds of findings about it.
        dropped: the findings for which training images are excluded; these are no longer wrong.
    """
    leaked, labelled, copies = Counter[str](), set[str](), set(duplicates.CODES)
    n_training = n_conflicts = n_copies = 0
    for row, found in images:
        kinds = copies.intersection(found)
        n_training += row.split == "train"
        n_copies += bool(kinds) and row.split == "train"
        n_conflicts += "label_conflict" in kinds
        if f"in_train_and_{row.split}" in kinds:
            leaked[row.split] += 1
            labelled |= {row.split} if row.label else set()
    messages = [
        _leak_warning(split, leaked[split], split in labelled)
        for split in ("validation", "test")
        if leaked[split] and f"in_train_and_{split}" not in dropped
    ]
    if n_conflicts and "label_conflict" not in dropped:
        messages.append(
            f"{count(n_conflicts, 'image')} in two classes at once: delete or move them, or "
            "set inspect.drop_label_conflicts to true"
        )
    if n_copies > n_training / 2 and "duplicate" not in dropped:
        messages.append(
            f"{n_copies:,} of {count(n_training, 'training image')} are copies of others or "
            "look like it (frames of a film, a fixed camera, plain images?): there is less to "
            "learn from than their number says"
        )
    return messages


def _leak_warning(split: str, leaked: int, labelled: bool) -> str:
    what = "its prediction says" if leaked == 1 else "their predictions say"
    unscored = f"{what} little about new images"
    effect = f"the {split} score is too high" if labelled else unscored
    return (
        f"{count(leaked, f'{split} image')} also among the training images, so {effect}: "
        "delete them, or set inspect.drop_leaks to true"
    )


def write(path: Path, findings: Iterable[Finding]) -> None:
    """Writes the findings in their order, each with its rank among those of its kind."""
    ranks: Counter[str] = Counter()
    with files.open_csv(path, HEADER) as table:
        for image, label, code, score, *others in findings:
            ranks[code] += 1
            table.writerow([image, label, code, ranks[code], f"{score:.3f}", *others])


def iter_rows(path: Path) -> Iterator[Finding]:
    """Yields the findings, in the order of the file."""
    for image, label, code, _, score, *others in files.iter_rows(path):
        yield Finding(image, label, code, float(score), *others)


def read(path: Path) -> list[Finding]:
    """Returns the findings, in the order of the file."""
    return list(iter_rows(path))
