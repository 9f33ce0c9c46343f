"""What differs between a run and the one that a git commit holds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from classifier.comparison import changes
from classifier.comparison.changes import KINDS, Changes, Pair
from classifier.comparison.commits import Commit
from classifier.comparison.runs import SCORED, Run
from classifier.evaluation.scored_images import HEADER, iter_rows

SCORES = ("accuracy", "macro_f1", "log_loss", "expected_calibration_error")
PARTS = ("validation", "test", "test_without_leaks", "estimate")
SAME = "every prediction is the same, to the last digit."


@dataclass(frozen=True)
class Comparison:
    """What differs between two runs.

    Attributes:
        commit: the one that holds the earlier run.
        scores: name, earlier and later value of each score that both runs have.
        params: name, earlier and later value of each param that differs; `-` where it is missing.
        splits: the images that changed, by split, or why they are not known; a split without images
            is left out.
    """

    commit: Commit
    scores: Sequence[tuple[str, float, float]]
    params: Sequence[tuple[str, str, str]]
    splits: Mapping[str, Changes | str]

    @property
    def differs(self) -> bool:
        """Tells whether a score or a prediction differs, or may."""
        scores_differ = any(old != new for _, old, new in self.scores)
        return scores_differ or any(one != SAME for one in self.splits.values())

    @property
    def score_rows(self) -> list[list[str]]:
        """Returns the scores and their difference, with four decimals."""
        return [
            [
                name.replace("_", " ").replace("f1", "F1"),
                f"{old:.4f}",
                f"{new:.4f}",
                f"{new - old:+.4f}",
            ]
            for name, old, new in self.scores
        ]

    @property
    def images(self) -> list[str]:
        """Returns the paths of the images that are shown."""
        found = [one.shown for one in self.splits.values() if isinstance(one, Changes)]
        return [new.path for shown in found for pairs in shown.values() for _, new in pairs]


def groups(found: Changes | str) -> list[tuple[str, int, Sequence[Pair]]]:
    """Returns each kind of change that there is, the number of its images, and those shown."""
    if isinstance(found, str):
        return []
    return [(kind, found.counts[kind], found.shown[kind]) for kind in KINDS if found.counts[kind]]


def compare(commit: Commit, before: Run, after: Run, shown: int) -> Comparison:
    """Returns what differs between two runs, with up to `shown` images of each kind."""
    return Comparison(
        commit,
        list(_scores(before.metrics, after.metrics)),
        list(_params(before.params, after.params)),
        {
            split: _changes(split, old, new, shown)
            for split, new in after.scored.items()
            if not (old := before.scored.get(split)) or _has_rows(old) or _has_rows(new)
        },
    )


def _has_rows(path: Path) -> bool:
    with path.open("rb") as file:
        file.readline()  # the header
        return bool(file.readline())


def _changes(split: str, before: Path | None, after: Path, shown: int) -> Changes | str:
    if not before:
        return (
            "the predictions of that commit are not in DVC's cache; get them with "
            f"`dvc fetch --all-commits {SCORED[split].as_posix()}`."
        )
    if before == after:
        return SAME
    with before.open(encoding="utf-8", errors="replace") as file:
        if file.readline().rstrip("\n") != ",".join(HEADER):
            return "the predictions of that commit are those of another version."
    return changes.find(iter_rows(before), iter_rows(after), shown)


def _scores(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[tuple[str, float, float]]:
    for part in PARTS:
        old, new = (run[part] if isinstance(run.get(part), dict) else {} for run in (before, after))
        for name in SCORES:
            if isinstance(old.get(name), int | float) and name in new:
                yield f"{part} {name}", old[name], new[name]


def _params(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    old, new = _flat(before), _flat(after)
    for name in dict.fromkeys([*old, *new]):
        if name not in old or name not in new or not _same(old[name], new[name]):
            yield name, str(old.get(name, "-")), str(new.get(name, "-"))


def _flat(params: Mapping[str, Any]) -> dict[str, Any]:
    return {
        f"{section}.{name}": value
        for section, values in params.items()
        for name, value in values.items()
    }


def _same(old: Any, new: Any) -> bool:
    """Tells whether values are equal: 1 is 1.0, but not true; a dict has no order."""
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(_same(old[name], new[name]) for name in old)
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(_same, old, new))
    return bool(old == new) and isinstance(old, bool) == isinstance(new, bool)
