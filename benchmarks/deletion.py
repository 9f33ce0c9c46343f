"""Do heat maps show what a prediction rests on? Blank parts of images and predict again.

    python -m benchmarks.deletion PROJECT ... [--images 200] [--share 0.2] [--json FILE]

Each PROJECT is a folder with models/ and results/ of a finished `dvc repro`. Of up to 200 test
images (every Nth of results/scored_test.csv), a fifth of the area is blanked: where the heat map of
the predicted class is hottest; the same shape shifted by a random distance, wrapped around the
edges; the middle of the image, where photographers put things; where the map is coldest. Blanked
pixels get the mean colour of the image, or those of the image blurred with a radius of 30 pixels.
Columns: by how much the probability of the predicted class falls, in percentage points, and how
many predictions change.
"""

import argparse
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from classifier import head, heat_maps
from classifier.common import files
from classifier.dataset import manifest
from classifier.evaluation import scored_images
from classifier.html import thumbnails
from classifier.inference import base, engine

RADIUS = 30  # pixels of the blur
HEADER = (
    "| dataset | layers | images | fill | hottest fifth | random fifth | middle fifth "
    "| coldest fifth | changed: hottest | random | middle | coldest |"
)
PLACES = ("hottest", "random", "middle", "coldest")
Fill = Callable[[np.ndarray], np.ndarray]  # uint8 (H, W, 3) -> what blanked pixels become


def mean_colour(pixels: np.ndarray) -> np.ndarray:
    """Returns an image of the mean colour."""
    return np.broadcast_to(pixels.mean(axis=(0, 1)).round().astype(np.uint8), pixels.shape)


def blurred(pixels: np.ndarray) -> np.ndarray:
    """Returns the image without its details."""
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(RADIUS)))


FILLS: dict[str, Fill] = {"mean colour": mean_colour, "blur": blurred}


def hottest(heat: np.ndarray, share: float) -> np.ndarray:
    """Returns the places with the highest values, bool (SIDE, SIDE)."""
    mask = np.zeros(heat.size, bool)
    mask[np.argsort(-heat, axis=None, kind="stable")[: round(share * heat.size)]] = True
    return mask.reshape(heat.shape)


def masks(heat: np.ndarray, share: float, seed: int) -> Iterator[np.ndarray]:
    """Yields what to blank, bool (SIDE, SIDE) for each of PLACES."""
    hot, side = hottest(heat, share), len(heat)
    yield hot
    yield np.roll(hot, np.random.default_rng(seed).integers(1, side, 2), (0, 1))
    rows, columns = np.indices(heat.shape) - (side - 1) / 2
    yield hottest(-np.maximum(np.abs(rows), np.abs(columns)), share)
    yield hottest(-heat, share)


def measure(folder: Path, count: int, share: float) -> Iterator[dict[str, object]]:
    """Yields a row for each way to fill; the project must be the current folder."""
    trained, info = head.read(head.FOLDER), base.read_info(base.FOLDER)
    network, explainer = engine.load(base.FOLDER), heat_maps.load(trained)
    listed = [path for path, *_ in files.iter_rows(scored_images.TEST)]
    chosen = set(listed[:: max(1, len(listed) // count)][:count])
    rows = [row for row in manifest.iter_rows(manifest.PATH) if row.path in chosen]
    size = info.image_height, info.image_width

    def predicted(batch: list[np.ndarray]) -> np.ndarray:
        return trained.probabilities(network.features(np.stack(batch)))

    results: dict[str, list[np.ndarray]] = {fill: [] for fill in FILLS}
    for number, row in enumerate(rows):
        pixels = thumbnails.read(row, *size).pixels
        (before,) = predicted([pixels])
        class_ = int(before.argmax())
        (heat,) = explainer.heat_maps(pixels[None], [class_])
        for name, fill in FILLS.items():
            other = fill(pixels)
            blanked = []
            for mask in masks(heat, share, number):
                large = np.asarray(Image.fromarray(mask).resize(size[::-1]))
                blanked.append(np.where(large[:, :, None], other, pixels))
            after = predicted(blanked)
            changed = after.argmax(axis=1) != class_
            results[name].append(np.stack([before[class_] - after[:, class_], changed]))
    for name, values in results.items():
        falls, changes = 100 * np.mean(values, axis=0)
        yield {
            "name": folder.name,
            "layers": " ".join(trained.info.layers),
            "images": len(rows),
            "fill": name,
            **{f"fall_{place}": float(fall) for place, fall in zip(PLACES, falls, strict=True)},
            **{f"changed_{place}": float(one) for place, one in zip(PLACES, changes, strict=True)},
        }


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--share", type=float, default=0.2)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    output = args.json and args.json.absolute()
    all_rows = []
    print(HEADER + "\n" + "|---" * 12 + "|")
    for folder in [one.absolute() for one in args.folders]:
        os.chdir(folder)
        for row in measure(folder, args.images, args.share):
            numbers = [f"{row[f'fall_{place}']:.1f}" for place in PLACES]
            numbers += [f"{row[f'changed_{place}']:.0f} %" for place in PLACES]
            cells = [row["name"], row["layers"], row["images"], row["fill"], *numbers]
            print("| " + " | ".join(map(str, cells)) + " |", flush=True)
            all_rows.append(row)
    if output:
        output.write_text(json.dumps(all_rows, indent=2))


if __name__ == "__main__":
    main()
