"""The images of two runs that the later one predicts as another class."""

import heapq
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from classifier.common.errors import count
from classifier.common.top import Top
from classifier.evaluation.scored_images import ScoredImage

WORSE, BETTER, OTHER = KINDS = ("now wrong", "now right", "wrong as another class")
Pair = tuple[ScoredImage, ScoredImage]  # before, after


@dataclass(frozen=True)
class Changes:
    """Images of both runs that are predicted as another class than before.

    Attributes:
        counts: number of them by kind: those that were right and are wrong, those that were wrong
            and are right, those that were wrong and are wrong as another class.
        shown: some of each kind, those with the most confident prediction first.
        common: number of images in both runs with the same true class.
        others: number of images in one of them alone, or with another true class.
    """

    counts: Counter[str]
    shown: Mapping[str, Sequence[Pair]]
    common: int
    others: int

    @property
    def chance(self) -> float:
        """Returns how often chance alone makes a difference of this size or a larger one.

        Exact two-sided sign test of the images that became right or wrong (McNemar 1947).
        """
        fewer, more = sorted((self.counts[BETTER], self.counts[WORSE]))
        number = fewer + more
        most = math.lgamma(number + 1)
        logs = (most - math.lgamma(k + 1) - math.lgamma(number - k + 1) for k in range(fewer + 1))
        return min(1.0, 2 * sum(math.exp(log - number * math.log(2)) for log in logs))

    def __str__(self) -> str:
        better, worse, other = (self.counts[kind] for kind in (BETTER, WORSE, OTHER))
        text = f"of {count(self.common, 'image')}, {better:,} became right and {worse:,} wrong"
        if other:
            are = count(other, "is", "are")
            text += f"; of those wrong in both runs, {are} wrong as another class"
        text += "."
        if better + worse:
            often = f"{100 * self.chance:.0f}" if self.chance >= 0.01 else "less than 1"
            text += f" Chance alone makes such a difference in {often} % of cases."
        if self.others:
            others = count(self.others, "image is", "images are")
            text += f" {others} in one of the runs only, or of another true class there."
        return text


def find(before: Iterable[ScoredImage], after: Iterable[ScoredImage], shown: int) -> Changes:
    """Returns the images whose prediction changed; both are in path order, `shown` of each kind."""
    counts, common, others = Counter[str](), 0, 0
    tops = {kind: Top[Pair](shown, _rank) for kind in KINDS}
    both = heapq.merge(before, after, key=lambda image: image.path)
    for _, images in groupby(both, key=lambda image: image.path):
        old, new, *_ = (*images, None, None)
        if not old or not new or old.label != new.label:
            others += 1
            continue
        common += 1
        if old.predicted != new.predicted:
            kind = BETTER if new.correct else WORSE if old.correct else OTHER
            counts[kind] += 1
            tops[kind].add((old, new))
    return Changes(counts, {kind: top.items for kind, top in tops.items()}, common, others)


def _rank(pair: Pair) -> tuple[float, str]:
    return -pair[1].probability, pair[1].path
