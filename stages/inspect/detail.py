"""Whether two images that look alike are copies, or one scene that differs in a detail or colour.

A lamp that is red or green, or a scratch, hardly changes a perceptual hash. The pixels are compared
after brightness and contrast were matched: those of a copy lie within the range of their neighbours
in the other image, up to noise.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from classifier.common import cores, parallel, progress
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


def keep_copies(pairs: DuplicatePairs, rows: Mapping[int, ImageRow]) -> DuplicatePairs:
    """Returns the pairs that differ in no detail; `rows` are the images by their number."""
    triples = zip(pairs.one.tolist(), pairs.other.tolist(), pairs.mirrored.tolist(), strict=True)
    tasks = ((rows[one], rows[other], mirrored) for one, other, mirrored in triples)
    workers = cores.count()
    same = []
    with progress.bar("inspect", len(pairs.one)) as bar:
        for answer in parallel.prefetch_map(_is_copy, tasks, workers, 2 * workers):
            same.append(answer)
            bar.update()
    chosen = np.array(same, bool)
    return DuplicatePairs(*(column[chosen] for column in vars(pairs).values()))


def _is_copy(task: tuple[ImageRow, ImageRow, bool]) -> bool:
    one, other, mirrored = task
    side = side_of(one, other)
    pixels = read(other, side)
    found = difference(read(one, side), pixels[:, ::-1] if mirrored else pixels)
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
        with Path(row.path).open("rb") as file:
            return decode.decode_image(file, side, side, ranges=ranges).pixels
    except (OSError, decode.ImageError):
        raise StageError(
            f"{row.path}: changed while `dvc repro` was running; run it again"
        ) from None


def difference(one: Pixels, other: Pixels) -> float:
    """Returns by how much two images differ where they differ most, in units of the noise."""
    if any(np.ptp(pixels, axis=-1).max() <= GREY for pixels in (one, other)):
        one, other = (_grey(pixels) for pixels in (one, other))
    if (one @ LUMA).mean() > (other @ LUMA).mean():  # brightened, and clipped like the other
        one, other = other, one
    one = _matched(one, other, np.maximum(one, other).max(axis=-1) < CLIPPED)
    error = np.abs(one[SAMPLED, SAMPLED].astype(int) - other[SAMPLED, SAMPLED])
    noise = 1.5 * float(np.median(error))
    beyond = np.maximum(_beyond(one, other), _beyond(other, one))
    return float(beyond.max()) / (NOISE + noise)


def _grey(pixels: Pixels) -> Pixels:
    grey = (pixels @ LUMA).round().astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=-1)


def _matched(one: Pixels, other: Pixels, used: np.ndarray) -> Pixels:
    """Returns `one` with the brightness and contrast of `other`; details do not count."""
    x, y = (pixels[SAMPLED, SAMPLED] @ LUMA for pixels in (one, other))
    used = used[SAMPLED, SAMPLED]
    used = used if used.mean() > 0.1 else np.ones_like(used)
    gain, offset = 1.0, 0.0
    for _ in range(3):
        if np.ptp(x[used]) < 1:
            break
        gain, offset = np.polyfit(x[used], y[used], 1).tolist()
        error = np.abs(y - gain * x - offset)
        near = used & (error <= 3 * np.median(error[used]) + 1)
        used = near if near.mean() > 0.1 else used
    return np.clip(gain * one + offset + 0.5, 0, 255).astype(np.uint8)


def _beyond(one: Pixels, other: Pixels) -> np.ndarray:
    """Returns how far each pixel is beyond the range of its neighbours in the other image."""
    highest = np.asarray(_filtered(other, ImageFilter.MaxFilter(3)), int)
    lowest = np.asarray(_filtered(other, ImageFilter.MinFilter(3)), int)
    excess = np.maximum(np.maximum(one - highest, lowest - one), 0).astype(np.uint8)
    return np.asarray(_filtered(excess, ImageFilter.BoxBlur(1)), float).max(axis=-1)


def _filtered(pixels: Pixels, image_filter: ImageFilter.Filter) -> Image.Image:
    return Image.fromarray(pixels).filter(image_filter)
