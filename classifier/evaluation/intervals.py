"""Intervals: of a proportion, and of the number right among new images."""

import math
from collections.abc import Callable

import numpy as np

from classifier.common.disk_array import Rows
from classifier.dataset import orders

Z95 = 1.959963984540054  # two-sided 95 % quantile of the normal distribution
Z99 = 2.5758293035489004  # two-sided 99 % quantile
LEVEL = 0.95
GROUPS = 262_144  # groups at once


def wilson(successes: float, count: float, z: float = Z95) -> tuple[float, float]:
    """Returns the confidence interval of a proportion (Wilson 1927), of 95 % unless `z` differs."""
    share, z2 = successes / count, z**2
    centre = share + z2 / (2 * count)
    spread = z * math.sqrt(share * (1 - share) / count + z2 / (4 * count**2))
    scale = 1 + z2 / count
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def prediction_interval(successes: float, count: float, new: int = 100) -> tuple[int, int]:
    """Returns the fewest and the most successes to expect in `new` further trials.

    The number of successes has a beta-binomial distribution (Jeffreys' prior for the proportion);
    the interval is the shortest one with a probability of LEVEL or more.

    Args:
        successes: in the trials so far, 0 to `count`.
        count: trials so far, more than 0; both may be fractions.
        new: further trials.
    """
    probabilities = beta_binomial(new, successes + 0.5, count - successes + 0.5)
    low = high = int(probabilities.argmax())
    total = float(probabilities[low])
    padded = np.concatenate([probabilities, [-1.0]])  # index new + 1 and index -1: never chosen
    while total < LEVEL and high - low < new:
        if padded[high + 1] >= padded[low - 1]:
            high += 1
            total += float(padded[high])
        else:
            low -= 1
            total += float(padded[low])
    return low, high


def independent_count(correct: np.ndarray, groups: Rows) -> float:
    """Returns the number of independent images whose accuracy would be known as well.

    Images of a group (a series, copies) tend to be right or wrong together. Their number is
    divided by the design effect (Kish 1965), the variance that they show over the one that
    independent images would have. It is at least the number of groups.

    Args:
        correct: bool (N,).
        groups: int (N,), a number from 0 for each group.
    """
    count, mean = len(correct), float(correct.mean())
    n_groups, together = squares_of_groups(lambda block: correct[block] - mean, groups)
    independent = sum(float(((correct[block] - mean) ** 2).sum()) for block in orders.blocks(count))
    if independent == 0:
        return float(n_groups)
    effect = together / independent
    return min(max(count / effect, float(n_groups)), float(count)) if effect else float(count)


def squares_of_groups(values: Callable[[slice], np.ndarray], groups: Rows) -> tuple[int, float]:
    """Returns the number of groups, and the sum of the squares of each group's sum of values.

    The images are gone through once for GROUPS groups: the sums of all would take more memory.

    Args:
        values: returns those of some images, float (n,).
        groups: int (N,), a number from 0 for each group.
    """
    n_groups, total = 0, 0.0
    blocks = list(orders.blocks(len(groups)))
    end = 1 + max((int(groups[block].max()) for block in blocks), default=-1)
    size = min(GROUPS, end)
    for start in range(0, end, GROUPS):
        counts, sums = np.zeros(size, np.int32), np.zeros(size)
        for block in blocks:
            own = groups[block]
            chosen = (own >= start) & (own < start + size)
            if chosen.any():
                np.add.at(counts, own[chosen] - start, 1)
                np.add.at(sums, own[chosen] - start, values(block)[chosen])
        n_groups += int(np.count_nonzero(counts))
        total += float((sums**2).sum())
    return n_groups, total


def beta_binomial(trials: int, alpha: float, beta: float) -> np.ndarray:
    """Returns the probability of 0 to `trials` successes, float64 (trials + 1,).

    Their proportion has a beta distribution with the parameters `alpha` and `beta`, both above 0.
    """
    lgamma = math.lgamma
    rest = lgamma(alpha + beta) - lgamma(alpha) - lgamma(beta) - lgamma(alpha + beta + trials)
    rest += lgamma(trials + 1)
    logs = [
        lgamma(alpha + k) - lgamma(k + 1) + lgamma(beta + trials - k) - lgamma(trials - k + 1)
        for k in range(trials + 1)
    ]
    return np.exp(np.array(logs) + rest)
