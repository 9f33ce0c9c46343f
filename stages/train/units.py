"""What images are drawn with, for folds and splits: their content, or the group they are in."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np

from classifier.common import connected
from classifier.dataset import features
from classifier.dataset.lazy_array import Selected

Contents = np.ndarray | Selected  # bytes S32 (K,), SHA-256, ascending
GROUP = "#"  # before the name of a group, which then sorts before all contents
BLOCK = 65_536  # units at once


@dataclass(frozen=True)
class Units:
    """What each of N images is drawn with: its content, or the group it is in.

    Attributes:
        numbers: int (N,), the unit of each image; units are numbered in the order of their names.
        groups: names of G units, ascending.
        contents: K; they come after all groups: the name of unit G + k.
    """

    numbers: np.ndarray
    groups: Sequence[str]
    contents: Contents = field(default_factory=lambda: np.zeros(0, "S32"))

    @classmethod
    def of(cls, names: Sequence[str]) -> "Units":
        """Returns the units that images with equal names form."""
        groups, numbers = np.unique(np.array(names, object), return_inverse=True)
        return cls(numbers, groups.tolist())

    def subset(self, images: np.ndarray) -> "Units":
        """Returns the units of some images, int (n,)."""
        numbers = self.numbers[images]
        used = np.flatnonzero(np.bincount(numbers, minlength=len(self)))
        n_groups = np.searchsorted(used, len(self.groups))
        groups = [self.groups[number] for number in used[:n_groups].tolist()]
        kept = (used[n_groups:] - len(self.groups)).astype(np.int32)
        contents = Selected(self.contents, kept, np.dtype("S32"))
        return Units(np.searchsorted(used, numbers).astype(np.int32), groups, contents)

    @property
    def ranks(self) -> np.ndarray:
        """Returns the unit of each image, int32 (N,), numbered without those of no image."""
        used = np.zeros(len(self), np.int32)
        used[self.numbers] = 1
        np.cumsum(used, out=used)
        used -= 1
        return used[self.numbers]

    def __len__(self) -> int:
        """Returns G + K."""
        return len(self.groups) + len(self.contents)

    def draw(self, seed: int) -> np.ndarray:
        """Returns a number between 0 and 1 for each unit, float64 (G + K,), by name and seed."""
        blocks = (self.contents[at : at + BLOCK] for at in range(0, len(self.contents), BLOCK))
        names = chain(self.groups, chain.from_iterable(map(features.hex_hashes, blocks)))
        return np.fromiter((_number(name, seed) for name in names), float, len(self))


def find_units(
    contents: Contents,
    content: np.ndarray,
    names: Sequence[str],
    group: np.ndarray,
    copies: np.ndarray,
) -> Units:
    """Returns the units formed by equal contents, named groups and near duplicates together.

    Args:
        contents: K.
        content: int (N,), the content of each image.
        names: of groups, ascending.
        group: int (N,), the named group of each image; -1: none.
        copies: int (K,), which near duplicates each content is one of; -1: none.
    """
    named, alike = np.flatnonzero(group >= 0), np.flatnonzero(copies >= 0)
    size = len(names) + len(contents)
    groups = [GROUP + name for name in names]
    if not len(named) + len(alike):  # as usual, and the same array takes no more memory
        return Units(len(names) + content if groups else content, groups, contents)
    one = np.concatenate([group[named], size + copies[alike]]).astype(np.int32)
    other = (len(names) + np.concatenate([content[named], alike])).astype(np.int32)
    smallest = connected.smallest(one, other, size + int(copies.max(initial=-1)) + 1)
    numbers = smallest[len(names) + content]
    return Units(numbers, groups, contents)


@dataclass(frozen=True)
class Members:
    """The images of U units by class, the commonest class of a unit first.

    Attributes:
        units: int (U,), ascending.
        sizes: int (U,), images.
        starts: int (U + 1,), where those of each unit start in the other arrays.
        labels: int (M,).
        counts: int (M,), images of the unit with the label.
    """

    units: np.ndarray
    sizes: np.ndarray
    starts: np.ndarray
    labels: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, numbers: np.ndarray, labels: np.ndarray) -> "Members":
        """Returns the members of units, int (N,), from their labels, int (N,)."""
        n_labels = int(labels.max(initial=0)) + 1
        keys = numbers.astype(np.int64) * n_labels + labels
        pairs, counts = np.unique(keys, return_counts=True)
        units, of_class = np.divmod(pairs, n_labels)
        order = np.lexsort((of_class, -counts, units))
        present, starts = np.unique(units, return_index=True)
        counts = counts[order]
        sizes = np.add.reduceat(counts, starts) if len(starts) else counts
        return cls(present, sizes, np.append(starts, len(units)), of_class[order], counts)

    def iterate(self, order: np.ndarray) -> Iterator[tuple[int, int, int]]:
        """Yields units in an order, int (U,), each with the slice of its labels and counts."""
        for at in range(0, len(order), BLOCK):
            some = order[at : at + BLOCK]
            columns = self.units, self.starts[:-1], self.starts[1:]
            yield from zip(*(column[some].tolist() for column in columns), strict=True)


def _number(content: str, seed: int) -> float:
    digest = hashlib.sha256(f"{seed} {content}".encode()).digest()
    return float(int.from_bytes(digest[:8], "big") / 2**64)
