"""Orders of images by hash and by path, without all hashes or all paths in memory."""

from collections.abc import Iterator

import numpy as np

from classifier.dataset.features import Array
from classifier.dataset.lazy_array import LazyArray

BLOCK = 65_536  # images at once, about
SAMPLED = 64  # paths of each block, between which the others fall


def blocks(count: int) -> Iterator[slice]:
    """Yields slices of BLOCK images."""
    return (slice(start, start + BLOCK) for start in range(0, count, BLOCK))


def true_places(mask: np.ndarray, step: int = 1) -> np.ndarray:
    """Returns where a mask is true, int32: as `np.flatnonzero(mask)[::step]`, in less memory."""
    found, done = [np.zeros(0, np.int32)], 0
    for block in blocks(len(mask)):
        places = block.start + np.flatnonzero(mask[block])
        found.append(places[-done % step :: step].astype(np.int32))
        done += len(places)
    return np.concatenate(found)


def hash_blocks(hashes: Array, rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields images and their hashes: each block has greater hashes than those before.

    Args:
        hashes: S32 (R,).
        rows: int (N,), the row of each image.

    Yields:
        int32 (n,) images, ascending, and S32 (n,).
    """
    if len(rows) <= BLOCK:
        yield np.arange(len(rows), dtype=np.int32), hashes[rows]
        return
    first = np.empty(len(rows), np.uint8)  # byte of the hash
    for block in blocks(len(rows)):
        first[block] = np.frombuffer(hashes[rows[block]].tobytes(), np.uint8)[::32]
    for images in _by_number(first, 256):
        yield images, hashes[rows[images]]


def _by_number(numbers: np.ndarray, count: int) -> Iterator[np.ndarray]:
    """Yields the images, int32, that have each number from 0 to `count` - 1."""
    order = np.argsort(numbers, kind="stable").astype(np.int32)
    ends = np.cumsum(np.bincount(numbers, minlength=count))
    for start, end in zip([0, *ends.tolist()], ends.tolist(), strict=False):
        yield order[start:end]


def unique_hashes(hashes: Array, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the first image of each hash, int32 (K,), in the order of hashes; and its number.

    They are `return_index` and `return_inverse` of `np.unique`: the number is int32 (N,), the place
    of each image's hash in that order.

    Args:
        hashes: S32 (R,).
        rows: int (N,), the row of each image.
    """
    first, numbers, count = [np.zeros(0, np.int32)], np.empty(len(rows), np.int32), 0
    for images, own in hash_blocks(hashes, rows):
        _, index, places = np.unique(own, return_index=True, return_inverse=True)
        first.append(images[index])
        numbers[images] = count + places
        count += len(index)
    return np.concatenate(first), numbers


def path_order(paths: Array, rows: np.ndarray) -> np.ndarray:
    """Returns images in the order of their paths, int32 (N,).

    Args:
        paths: str (R,), or bytes of UTF-8, which has the same order.
        rows: int (N,), the row of each image; rows near each other are read faster.
    """
    count = max(1, -(-len(rows) // BLOCK))
    step = max(1, len(rows) // (count * SAMPLED))
    bounds = np.sort(_encoded(paths, rows[::step]))[SAMPLED::SAMPLED]
    numbers = np.zeros(len(rows), np.min_scalar_type(len(bounds)))
    for block in blocks(len(rows)):
        numbers[block] = np.searchsorted(bounds, _encoded(paths, rows[block]), "right")
    ordered = np.empty(len(rows), np.int32)
    done = 0
    for images in _by_number(numbers, len(bounds) + 1):
        order = np.argsort(_encoded(paths, rows[images]), kind="stable")
        ordered[done : done + len(images)] = images[order]
        done += len(images)
    return ordered


def _encoded(texts: Array, rows: np.ndarray) -> np.ndarray:
    """Returns some texts as UTF-8: few characters of a str array need 4 bytes."""
    if isinstance(texts, LazyArray):
        return texts.encoded[rows]
    return texts[rows] if texts.dtype.kind == "S" else np.char.encode(texts[rows], "utf-8")


def inverse(order: np.ndarray) -> np.ndarray:
    """Returns the place of each number from 0 to N - 1 in an order of them, int32 (N,)."""
    places = np.empty(len(order), np.int32)
    places[order] = np.arange(len(order), dtype=np.int32)
    return places
