"""Draws folds, held-out images, and the images to use, by their content.

So neither the names nor the order of the images matter, nor which other images there are.
"""

import numpy as np

from stages.train.units import BLOCK, Members, Units

LEAST = 20  # images of each class to use first, where not all are used


def validates(units: Units, labels: np.ndarray, validation_split: float, seed: int) -> np.ndarray:
    """Returns which images validate, bool (N,).

    Unit and seed are hashed to a number between 0 and 1; an image validates if its number is
    below `validation_split`. So other images, names and folders do not matter, images of one unit
    are in the same split, and the fraction holds on average, not exactly in each class. A class
    with all images in one split moves the unit with the lowest number to validation, or the one
    with the highest to training.

    Args:
        units: of N images.
        labels: int (N,).
        validation_split: expected fraction that validates, 0 to 1.
        seed: of the draw.
    """
    numbers = units.draw(seed)
    held_out = numbers < validation_split
    for label in np.unique(labels).tolist():
        own = np.unique(units.numbers[labels == label])
        own = own[np.argsort(numbers[own], kind="stable")]
        if held_out[own].all() or not held_out[own].any():
            held_out[own[0]] |= len(own) > 1
            held_out[own[-1]] = False
    return np.asarray(held_out[units.numbers])


def folds(units: Units, labels: np.ndarray, n_folds: int, seed: int) -> np.ndarray:
    """Returns the fold of each image, int (N,), 1 to `n_folds`; images of a unit have the same.

    Units are dealt out, the largest first and then by a hash of unit and seed, each to the fold
    with the fewest images of its class, and among these to the one with the fewest images. So the
    folds depend on neither names nor the order of the images.

    Args:
        units: of N images.
        labels: int (N,).
        n_folds: number of folds.
        seed: of the draw.
    """
    shared = (np.bincount(units.numbers, minlength=len(units)) > 1)[units.numbers]
    draws = units.draw(seed)
    of_class = [[0] * n_folds for _ in range(int(labels.max(initial=0)) + 1)]
    sizes, numbers = [0] * n_folds, range(n_folds)

    def fewest(label: int) -> int:
        return min(zip(of_class[label], sizes, numbers, strict=True))[-1]

    def put(label: int, fold: int, count: int) -> None:
        of_class[label][fold] += count
        sizes[fold] += count

    of_unit = np.zeros(len(units), np.min_scalar_type(-n_folds - 1))  # signed
    members = Members.of(units.numbers[shared], labels[shared])
    of_label, counts = members.labels.tolist(), members.counts.tolist()
    order = np.lexsort((draws[members.units], -members.sizes))
    for unit, start, end in members.iterate(order):
        fold = fewest(of_label[start])
        of_unit[unit] = fold + 1
        for place in range(start, end):
            put(of_label[place], fold, counts[place])
    found = of_unit[units.numbers]
    alone = np.flatnonzero(~shared).astype(np.int32)
    draws = draws[units.numbers[alone]]  # frees those of all units
    alone = alone[np.argsort(draws, kind="stable")]
    del draws
    for at in range(0, len(alone), BLOCK):
        images, chosen = alone[at : at + BLOCK], []
        for label in labels[images].tolist():
            fold = fewest(label)
            put(label, fold, 1)
            chosen.append(fold + 1)
        found[images] = chosen
    return found


def most(units: Units, labels: np.ndarray, always: np.ndarray, count: int) -> np.ndarray:
    """Returns which images to use, bool (N,): about the same fraction of each class.

    Of each class the units with the lowest hashes, but LEAST images first where there are as many.
    With a higher count the same images and others are used.

    Args:
        units: of N images.
        labels: int (N,).
        always: bool (N,), images that are used and not counted, with all of their units.
        count: number of other images, at most.
    """
    free = ~np.isin(units.numbers, units.numbers[always])
    members = Members.of(units.numbers[free], labels[free])
    keys = hashes(units, members)
    label, sizes = members.labels[members.starts[:-1]], members.sizes
    order = np.lexsort((keys, label))
    label, sizes, keys = label[order], sizes[order], keys[order]
    totals = np.bincount(label, sizes)
    before = np.cumsum(sizes) - sizes - (np.cumsum(totals) - totals)[label]  # of its class
    rank = np.where(before < LEAST, before / LEAST - 1, before / totals[label])
    ranked = np.lexsort((keys, rank))
    used = members.units[order][ranked[np.cumsum(sizes[ranked]) <= count]]
    return ~free | np.isin(units.numbers, used)


def hashes(units: Units, members: Members) -> np.ndarray:
    """Returns numbers between 0 and 1, float64 (U,); of single images those of their contents.

    The features of the images with the lowest are the first in a table of many parts.
    """
    numbers = units.draw(0)
    own = numbers.copy()
    for start in range(0, len(units.contents), BLOCK):
        first = np.frombuffer(units.contents[start : start + BLOCK].tobytes(), ">u8")[::4] / 2**64
        own[len(units.groups) + start :][: len(first)] = first
    return np.where(members.sizes > 1, numbers[members.units], own[members.units])
