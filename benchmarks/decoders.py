"""Pillow against other decoders: speed, files read rightly, and how far the pixels are apart.

    python -m benchmarks.decoders --images DIR [--hard DIR] [--count 200]

Every decoder makes 299x299 RGB of JPEG files, in one thread, from bytes in memory; of three rounds,
interleaved, the best. The images below --images are taken as they are, and enlarged to 12
megapixels. Differences are means over the pixels, of 255, from Pillow decoding the whole image
(no draft mode). --hard holds files of every kind: how many of those that Pillow reads does another?
Rivals are measured where `pip install opencv-python-headless simplejpeg` was run.
"""

import argparse
import io
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from pebble import ProcessExpired, ProcessPool
from PIL import Image

from classifier.images import decode

SIDE = 299
Decoder = Callable[[bytes], np.ndarray]


def pillow_whole(data: bytes) -> np.ndarray:
    """Decodes every pixel, then shrinks."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def ours(data: bytes) -> np.ndarray:
    """Decodes as the pipeline does: Pillow, draft mode, EXIF orientation, transparency."""
    return decode.decode_image(data, SIDE, SIDE, 10**8).pixels


def rivals() -> dict[str, Decoder]:
    """Returns the other decoders that are installed, by name."""
    found: dict[str, Decoder] = {}
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

        found["OpenCV, linear"] = lambda d: opencv(d, cv2.IMREAD_COLOR, cv2.INTER_LINEAR)
        found["OpenCV, reduced, area"] = reduced
    except ImportError:
        print("OpenCV is not installed")
    try:
        import simplejpeg

        def turbo(data: bytes) -> np.ndarray:
            pixels = simplejpeg.decode_jpeg(data, "RGB", min_height=SIDE, min_width=SIDE)
            return np.asarray(Image.fromarray(pixels).resize((SIDE, SIDE), 2))

        found["simplejpeg, eighths, Pillow"] = turbo
    except ImportError:
        print("simplejpeg is not installed")
    return found


def enlarged(data: bytes) -> bytes:
    """Returns a JPEG of 4000x3000 pixels."""
    file = io.BytesIO()
    large = Image.open(io.BytesIO(data)).convert("RGB").resize((4000, 3000), 2)
    large.save(file, "JPEG", quality=90)
    return file.getvalue()


def measure(decoders: dict[str, Decoder], files: list[bytes]) -> dict[str, tuple[float, float]]:
    """Returns images per second, and the mean difference from Pillow's whole images."""
    best = dict.fromkeys(decoders, float("inf"))
    for _ in range(3):
        for name, decode in decoders.items():
            started = time.perf_counter()
            for data in files:
                decode(data)
            best[name] = min(best[name], time.perf_counter() - started)
    true = [pillow_whole(data).astype(int) for data in files]
    apart = {
        name: float(
            np.mean([np.abs(decode(d) - t).mean() for d, t in zip(files, true, strict=True)])
        )
        for name, decode in decoders.items()
    }
    return {name: (len(files) / best[name], apart[name]) for name in decoders}


def read(name: str, path: Path) -> np.ndarray | None:
    """Returns the pixels that a decoder makes of a file, or nothing if it refuses."""
    try:
        return all_decoders()[name](path.read_bytes()).astype(int)
    except Exception:  # each library has exceptions of its own
        return None


def all_decoders() -> dict[str, Decoder]:
    """Returns every decoder by name."""
    return {"ours": ours, "Pillow, whole": pillow_whole, **rivals()}


def hard(name: str, paths: list[Path]) -> tuple[list[np.ndarray | None], int]:
    """Returns what a decoder makes of files, in a process that may crash, and how many crashed."""
    found: list[np.ndarray | None] = []
    crashed = 0
    with ProcessPool(1, context=get_context("spawn")) as pool:
        for path in paths:
            try:
                found.append(pool.schedule(read, args=[name, path], timeout=20).result())
            except (ProcessExpired, TimeoutError):
                found.append(None)
                crashed += 1
    return found, crashed


def main() -> None:
    """Measures every decoder and prints a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--hard", type=Path)
    parser.add_argument("--count", type=int, default=200)
    arguments = parser.parse_args()
    decoders = all_decoders()
    paths = sorted(arguments.images.rglob("*.jpg"))[: arguments.count]
    ordinary = [path.read_bytes() for path in paths]
    small = measure(decoders, ordinary)
    large = measure(decoders, [enlarged(data) for data in ordinary[:20]])
    files = sorted(p for p in arguments.hard.rglob("*") if p.is_file()) if arguments.hard else []
    true, _ = hard("ours", files)
    print(
        "| decoder | images/s | apart | of 12 megapixels | apart | hard files read | as ours | ",
        end="",
    )
    print("crashes |\n" + "|---" * 8 + "|")
    for name in decoders:
        got, crashed = hard(name, files)
        alike = sum(
            one is not None and other is not None and np.abs(one - other).mean() < 4
            for one, other in zip(got, true, strict=True)
        )
        count = sum(one is not None for one in got)
        cells = [f"{v:.1f}" for pair in (small[name], large[name]) for v in pair]
        cells += [f"{count} of {len(files)}", str(alike), str(crashed)]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
