"""What differs between two runs."""

import heapq
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from classifier.evaluation.scored_images import ScoredImage

SCORES = ("accuracy", "macro_f1", "log_loss", "expected_calibration_error")
PARTS = ("validation", "test", "test_without_leaks", "estimate")
Pair = tuple[str, ScoredImage, ScoredImage]  # path, before, after


@dataclass(frozen=True)
class Changes:
    """Images of both runs whose prediction became right or wrong, sorted by path.

    Attributes:
        better: those that were wrong and are right.
        worse: those that were right and are wrong.
        common: number of images in both runs with the same class.
        others: number of images in one of them alone, or with another class.
    """

    better: list[Pair]
    worse: list[Pair]
    common: int
    others: int

    @property
    def chance(self) -> float:
        """Returns how often chance alone makes a difference of this size or a larger one.

        Exact two-sided sign test of the images that changed (McNemar 1947).
        """
        number = len(self.better) + len(self.worse)
        fewer, most = min(len(self.better), len(self.worse)), math.lgamma(number + 1)
        logs = (most - math.lgamma(k + 1) - math.lgamma(number - k + 1) for k in range(fewer + 1))
        return min(1.0, 2 * sum(math.exp(log - number * math.log(2)) for log in logs))


def changes(before: Iterable[ScoredImage], after: Iterable[ScoredImage]) -> Changes:
    """Returns the images whose prediction became right or wrong; both are in path order."""
    better, worse = list[Pair](), list[Pair]()
    common = others = 0
    both = heapq.merge(before, after, key=lambda image: image.path)
    for path, images in groupby(both, key=lambda image: image.path):
        old, new, *_ = (*images, None, None)
        if not old or not new or old.label != new.label:
            others += 1
            continue
        common += 1
        if old.correct != new.correct:
            (better if new.correct else worse).append((path, old, new))
    return Changes(better, worse, common, others)


def scores(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[tuple[str, float, float]]:
    """Yields name, earlier and later value of each score that both runs have."""
    for part in PARTS:
        for name in SCORES:
            if name in before.get(part, {}) and name in after.get(part, {}):
                yield f"{part} {name}", before[part][name], after[part][name]


def params(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yields name, earlier and later value of each param that differs; `-` where it is missing."""
    old, new = _flat(before), _flat(after)
    for name in dict.fromkeys([*old, *new]):
        if old.get(name, "-") != new.get(name, "-"):
            yield name, old.get(name, "-"), new.get(name, "-")


def _flat(params: Mapping[str, Any]) -> dict[str, str]:
    return {
        f"{section}.{name}": str(value)
        for section, values in params.items()
        for name, value in values.items()
    }
