"""Whether two images that look alike are copies, or one scene that differs in a detail or colour.

A lamp that is red or green, or a scratch, hardly changes a perceptual hash. The pixels are compared
after brightness and contrast were matched: those of a copy lie within the range of their neighbours
in the other image, up to noise.
"""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from classifier.cache import fingerprint
from classifier.cache.results import WINDOW, ResultCache, Task
from classifier.common import objects, parallel, progress
from classifier.common.errors import StageError
from classifier.dataset.manifest import ImageRow
from classifier.images import conversion, decode
from classifier.images.decode import Pixels
from classifier.images.perceptual_hash import LUMA
from stages.inspect.near_duplicates import DuplicatePairs

MAX_SIDE, MIN_SIDE = 256, 64  # pixels, at which images are compared
MAX_DETAIL = 5.0  # in units of the noise; see docs/explanation/inspection.md
MAX_DETAIL_OF_CLASSES = 3.8  # in images of two classes, which a detail may tell apart
NOISE = 4.0  # grey levels that are always allowed
SAMPLED = slice(None, None, 3)  # rows and columns that tell brightness, contrast and noise
GREY = 12  # levels by which the colours of a grey image differ at most
CLIPPED = 235  # from this level on, a brightened copy may have lost its colours
Pair = tuple[ImageRow, ImageRow, bool]  # the last: whether one is the mirror image of the other


def keep_copies(
    pairs: DuplicatePairs, image_of: Callable[[int], ImageRow], cache: ResultCache
) -> DuplicatePairs:
    """Returns the pairs that differ in no detail.

    Args:
        pairs: of images that look alike.
        image_of: returns an image by its number.
        cache: has the pairs compared before; the others are added.
    """
    every = ((image_of(one), image_of(other), mirrored) for one, other, _, mirrored in pairs)
    same = bytearray()
    recipe = fingerprint.of_comparison()
    with progress.bar("inspect", len(pairs.one), " pairs") as bar:
        for window in parallel.batched(every, WINDOW):
            tasks = [_task(recipe, *pair) for pair in window]
            found = cache.complete(dict(zip(tasks, window, strict=True)), _difference)
            same.extend(
                _is_copy(*pair[:2], float(found[task]))
                for task, pair in zip(tasks, window, strict=True)
            )
            bar.update(len(window))
    return pairs[np.frombuffer(same, bool)]


def _task(recipe: str, one: ImageRow, other: ImageRow, mirrored: bool) -> Task:
    lines = (recipe, one.conversion, other.conversion, str(mirrored))
    return Task((one.sha256, other.sha256), "\n".join(lines))


def _difference(pair: Pair) -> bytes:
    one, other, mirrored = pair
    side = side_of(one, other)
    pixels = read(other, side)
    found = difference(read(one, side), pixels[:, ::-1] if mirrored else pixels)
    return repr(found).encode()  # exact


def _is_copy(one: ImageRow, other: ImageRow, found: float) -> bool:
    two_classes = one.label and other.label and one.label != other.label
    return found <= (MAX_DETAIL_OF_CLASSES if two_classes else MAX_DETAIL)


def side_of(one: ImageRow, other: ImageRow) -> int:
    """Returns the side at which two images are compared: that of the smaller one, within limits."""
    smallest = min(one.width, one.height, other.width, other.height)
    return max(MIN_SIDE, min(MAX_SIDE, smallest))


@lru_cache(maxsize=128)
def read(row: ImageRow, side: int) -> Pixels:
    """Returns an image, uint8 (side, side, 3)."""
    ranges = conversion.ranges(row.conversion)
    try:
        with objects.opened(Path(row.path), row.sha256) as file:
            return decode.decode_image(file, side, side, ranges=ranges).pixels
    except (OSError, decode.ImageError) as error:
        raise StageError(objects.changed(row.path, error)) from None


def difference(one: Pixels, other: Pixels) -> float:
    """Returns by how much two images differ where they differ most, in units of the noise."""
    if np.array_equal(one, other):
        return 0.0
    if _is_grey(one) or _is_grey(other):
        one, other = (_grey(pixels) for pixels in (one, other))
    if (one @ LUMA).mean() > (other @ LUMA).mean():  # brightened, and clipped like the other
        one, other = other, one
    one = _matched(one, other)
    error = np.abs(one[SAMPLED, SAMPLED].astype(int) - other[SAMPLED, SAMPLED])
    noise = 1.5 * float(np.median(error))
    return max(_beyond(one, other), _beyond(other, one)) / (NOISE + noise)


def _is_grey(pixels: Pixels) -> bool:
    red, green, blue = np.moveaxis(pixels, -1, 0)
    highest = np.maximum(np.maximum(red, green), blue)
    lowest = np.minimum(np.minimum(red, green), blue)
    return bool((highest - lowest).max() <= GREY)


def _grey(pixels: Pixels) -> Pixels:
    grey = (pixels @ LUMA).round().astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=-1)


def _matched(one: Pixels, other: Pixels) -> Pixels:
    """Returns `one` with the brightness and contrast of `other`; details do not count."""
    samples = [pixels[SAMPLED, SAMPLED] for pixels in (one, other)]
    used = np.maximum(*samples).max(axis=-1) < CLIPPED
    used = used if used.mean() > 0.1 else np.ones_like(used)
    x, y = (pixels @ LUMA for pixels in samples)
    gain, offset = 1.0, 0.0
    for _ in range(3):
        if np.ptp(x[used]) < 1:
            break
        gain, offset = np.polyfit(x[used], y[used], 1).tolist()
        error = np.abs(y - gain * x - offset)
        near = used & (error <= 3 * np.median(error[used]) + 1)
        used = near if near.mean() > 0.1 else used
    levels = np.clip(gain * np.arange(256) + offset + 0.5, 0, 255).astype(np.uint8)
    return levels[one]


def _beyond(one: Pixels, other: Pixels) -> float:
    """Returns how far the pixels of `one` are beyond their neighbours in `other`, where most."""
    highest, lowest = (_of_neighbours(other, choose) for choose in (np.maximum, np.minimum))
    excess = np.maximum(one, highest) - highest + (lowest - np.minimum(one, lowest))
    return float(np.asarray(Image.fromarray(excess).filter(ImageFilter.BoxBlur(1))).max())


def _of_neighbours(pixels: Pixels, choose: np.ufunc) -> Pixels:
    """Returns the extremes of each pixel and its neighbours; Pillow's filter is 50 times slower."""
    padded = np.pad(pixels, ((1, 1), (1, 1), (0, 0)), "edge")
    rows = choose(choose(padded[:-2], padded[1:-1]), padded[2:])
    return np.asarray(choose(choose(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:]))
