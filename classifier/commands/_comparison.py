"""What differs between two runs."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from classifier.commands._runs import Scored

SCORES = ("accuracy", "macro_f1", "log_loss", "expected_calibration_error")
PARTS = ("validation", "test", "test_without_leaks", "estimate")
Pair = tuple[str, Scored, Scored]  # path, before, after


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
        fewer = min(len(self.better), len(self.worse))
        tail = sum(math.comb(number, k) for k in range(fewer + 1)) / 2**number
        return min(1.0, 2 * tail)


def changes(before: Mapping[str, Scored], after: Mapping[str, Scored]) -> Changes:
    """Returns the images whose prediction became right or wrong."""
    pairs = [(path, before[path], after[path]) for path in sorted(before.keys() & after.keys())]
    same = [pair for pair in pairs if pair[1].label == pair[2].label]
    better = [pair for pair in same if pair[2].correct and not pair[1].correct]
    worse = [pair for pair in same if pair[1].correct and not pair[2].correct]
    return Changes(better, worse, len(same), len(before.keys() | after.keys()) - len(same))


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
