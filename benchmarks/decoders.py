"""Pillow against other decoders: speed, files decoded, and differences between the pixels.

    python -m benchmarks.decoders --images DIR [--hard DIR] [--count 200]

Every decoder turns JPEG files into 299x299 RGB, in one thread, from bytes in memory; the best of
three interleaved rounds counts. The images in --images are decoded as they are, and enlarged to 12
megapixels. Differences are means over the pixels, in levels of 255, from Pillow decoding the whole
image (no draft mode). --hard holds files of all kinds: how many does each decoder read, and how
many of them as this pipeline does? Decoders other than Pillow are measured if
`opencv-python-headless` and `simplejpeg` are installed.
"""

import argparse
import io
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
from PIL import Image

from classifier.images import decode
from classifier.images.decode_pool import DecodePool

SIDE = 299
MAX_PIXELS = 10**8
Decoder = Callable[[bytes], np.ndarray]


def pillow_whole(data: bytes) -> np.ndarray:
    """Decodes the whole image, then resizes it."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def pipeline(data: bytes) -> np.ndarray:
    """Decodes as this pipeline does: Pillow, draft mode, EXIF orientation, transparency."""
    return decode.decode_image(data, SIDE, SIDE, MAX_PIXELS).pixels


def other_decoders() -> dict[str, Decoder]:
    """Returns the other decoders that are installed, by name."""
    decoders: dict[str, Decoder] = {}
    try:
        import cv2

        cv2.setNumThreads(1)

        def opencv(data: bytes, flags: int, filter_: int) -> np.ndarray:
            pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
            if pixels is None:
                raise ValueError("not decoded")
            return cv2.resize(pixels, (SIDE, SIDE), interpolation=filter_)[..., ::-1]

        def reduced(data: bytes) -> np.ndarray:
            shortest = min(Image.open(io.BytesIO(data)).size)
            for factor in (8, 4, 2):
                if shortest >= factor * SIDE:
                    flags = getattr(cv2, f"IMREAD_REDUCED_COLOR_{factor}")
                    return opencv(data, flags, cv2.INTER_AREA)
            return opencv(data, cv2.IMREAD_COLOR, cv2.INTER_AREA)

        decoders["OpenCV, linear"] = lambda data: opencv(data, cv2.IMREAD_COLOR, cv2.INTER_LINEAR)
        decoders["OpenCV, reduced, area"] = reduced
    except ImportError:
        print("OpenCV is not installed")
    try:
        import simplejpeg

        def turbo(data: bytes) -> np.ndarray:
            pixels = simplejpeg.decode_jpeg(data, "RGB", min_height=SIDE, min_width=SIDE)
            return np.asarray(Image.fromarray(pixels).resize((SIDE, SIDE), 2))

        decoders["simplejpeg, eighths, Pillow"] = turbo
    except ImportError:
        print("simplejpeg is not installed")
    return decoders


def enlarged(data: bytes) -> bytes:
    """Returns a JPEG of 4000x3000 pixels."""
    file = io.BytesIO()
    large = Image.open(io.BytesIO(data)).convert("RGB").resize((4000, 3000), 2)
    large.save(file, "JPEG", quality=90)
    return file.getvalue()


def measure(decoders: dict[str, Decoder], files: list[bytes]) -> dict[str, tuple[float, float]]:
    """Returns images per second, and the mean difference from Pillow's whole images."""
    seconds = dict.fromkeys(decoders, float("inf"))
    for _ in range(3):
        for name, decoder in decoders.items():
            started = time.perf_counter()
            for data in files:
                decoder(data)
            seconds[name] = min(seconds[name], time.perf_counter() - started)
    expected = [pillow_whole(data).astype(int) for data in files]

    def difference(decoder: Decoder) -> float:
        pairs = zip(files, expected, strict=True)
        return float(np.mean([np.abs(decoder(data) - pixels).mean() for data, pixels in pairs]))

    return {name: (len(files) / seconds[name], difference(decoders[name])) for name in decoders}


def all_decoders() -> dict[str, Decoder]:
    """Returns every decoder by name."""
    return {"this pipeline": pipeline, "Pillow, whole": pillow_whole, **other_decoders()}


def read(name: str, path: Path) -> np.ndarray | None:
    """Returns the pixels that a decoder makes of a file, or None if it refuses."""
    try:
        return all_decoders()[name](path.read_bytes()).astype(int)
    except Exception:  # each library has exceptions of its own
        return None


def read_hard(name: str, paths: list[Path]) -> tuple[list[np.ndarray | None], int]:
    """Returns the pixels of each file, and how often the decoder's process crashed or hung."""
    results: list[np.ndarray | None] = []
    crashes = 0
    with closing(DecodePool(MAX_PIXELS, 1)) as pool:
        for path in paths:
            try:
                results.append(pool.call(read, name, path, seconds=20))
            except decode.ImageError:
                results.append(None)
                crashes += 1
    return results, crashes


def main() -> None:
    """Measures every decoder and prints a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--hard", type=Path)
    parser.add_argument("--count", type=int, default=200)
    args = parser.parse_args()
    decoders = all_decoders()
    paths = sorted(args.images.rglob("*.jpg"))[: args.count]
    files = [path.read_bytes() for path in paths]
    as_they_are = measure(decoders, files)
    large = measure(decoders, [enlarged(data) for data in files[:20]])
    hard = sorted(p for p in args.hard.rglob("*") if p.is_file()) if args.hard else []
    expected, _ = read_hard("this pipeline", hard)
    print(
        "| decoder | images/s | difference | 12-megapixel images/s | difference "
        "| hard files read | as this pipeline | crashes |\n" + "|---" * 8 + "|"
    )
    for name in decoders:
        results, crashes = read_hard(name, hard)
        equal = sum(
            one is not None and other is not None and np.abs(one - other).mean() < 4
            for one, other in zip(results, expected, strict=True)
        )
        count = sum(one is not None for one in results)
        cells = [f"{value:.1f}" for pair in (as_they_are[name], large[name]) for value in pair]
        cells += [f"{count} of {len(hard)}", str(equal), str(crashes)]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
