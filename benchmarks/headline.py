"""How often the report's headline and the interval of the accuracy are right.

    python -m benchmarks.headline

N images are scored; the fraction that is right of all such images is P. Printed is, for each N and
P, the probability that the number right among 100 further images is in the range of the headline,
then that P is in the 95 % interval of the accuracy. Both are exact: they are summed over the number
right among the N images, and nothing is drawn. The last column has the mean over P from 0.5 to
0.995, in steps of 0.005, where the unevenness of whole numbers averages out.
"""

import numpy as np
from scipy.stats import binom

from classifier.evaluation.intervals import prediction_interval, wilson

COUNTS = (50, 100, 200, 500, 1000, 5000)
SHARES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
ALL_SHARES = np.arange(0.5, 0.9951, 0.005)
NEW = 100
NEGLIGIBLE = 1e-9  # probability


def ends(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the ends of both intervals by number right, int and float (count + 1, 2)."""
    successes = range(count + 1)
    ranges = np.array([prediction_interval(k, count, NEW) for k in successes])
    return ranges, np.array([wilson(k, count) for k in successes])


def covered(count: int, share: float, ranges: np.ndarray, intervals: np.ndarray) -> np.ndarray:
    """Returns the probability that each interval holds, float (2,)."""
    probability = binom.pmf(np.arange(count + 1), count, share)
    likely = probability > NEGLIGIBLE
    low, high = ranges[likely].T
    inside = binom.cdf(high, NEW, share) - binom.cdf(low - 1, NEW, share)
    within = (intervals[likely, 0] <= share) & (share <= intervals[likely, 1])
    return np.asarray([probability[likely] @ inside, probability[likely] @ within])


def main() -> None:
    """Prints a row for each number of scored images."""
    print(f"| images | {' | '.join(f'{share:g}' for share in SHARES)} | mean |")
    print("|---" * (len(SHARES) + 2) + "|")
    for count in COUNTS:
        both = ends(count)
        cells = [covered(count, share, *both) for share in SHARES]
        cells.append(np.mean([covered(count, share, *both) for share in ALL_SHARES], axis=0))
        row = " | ".join(f"{new:.3f} {accuracy:.3f}" for new, accuracy in cells)
        print(f"| {count:,} | {row} |", flush=True)


if __name__ == "__main__":
    main()
