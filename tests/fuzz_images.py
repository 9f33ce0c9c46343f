"""Decodes broken images and keeps those that break the decoder.

    python tests/fuzz_images.py --minutes 10 [--seeds DIR ...] [--keep DIR] [--seed 1]

Images of every format, drawn here or found below --seeds, are mutated: bits are flipped, parts cut
out, doubled, zeroed or replaced by another file's, numbers in the header set to extremes. Each goes
through the worker processes of `validate`. Files that crash or hang a worker or exceed its memory
are copied to --keep; after a crash or a hang the exit code is 1. An unexpected exception ends the
run.
"""

import argparse
import io
import random
import shutil
import struct
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))
from classifier.images.decode_pool import DecodePool
from classifier.images.limits import Limits
from stages.validate import file_check

LIMITS = Limits(max_megapixels=20, max_megabytes=10, decode_timeout=5)
BATCH = 256
FINDINGS = ("crashed", "too_slow")
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
DRAWN = [
    ("JPEG", "RGB", {}),
    ("JPEG", "RGB", {"progressive": True}),
    ("JPEG", "CMYK", {}),
    ("JPEG", "L", {}),
    *(("PNG", mode, {}) for mode in ("RGB", "RGBA", "LA", "P", "1", "I;16")),
    ("GIF", "P", {}),
    ("WEBP", "RGB", {}),
    ("WEBP", "RGBA", {"lossless": True}),
    ("AVIF", "RGB", {}),
    ("BMP", "RGB", {}),
    ("BMP", "P", {}),
    *(("PPM", mode, {}) for mode in ("1", "L", "RGB", "I;16")),
    *(("TIFF", mode, {}) for mode in ("RGB", "I;16", "F", "CMYK")),
    ("TIFF", "RGB", {"compression": "tiff_lzw"}),
    ("TIFF", "RGB", {"compression": "jpeg"}),
    ("TIFF", "RGB", {"compression": "tiff_adobe_deflate"}),
]


def drawn_images() -> list[bytes]:
    """Returns a small image in every format and mode."""
    y, x = np.mgrid[:48, :64]
    scene = np.stack([4 * x, 5 * y, 2 * (x + y)], axis=-1).astype(np.uint8)
    encoded = []
    for format_, mode, options in DRAWN:
        image = Image.fromarray(scene)
        if mode in ("I;16", "F"):
            grey = np.asarray(image.convert("L"))
            image = Image.fromarray(grey.astype(np.uint16 if mode == "I;16" else np.float32))
        else:
            image = image.convert(mode)
        file = io.BytesIO()
        image.save(file, format_, **options)
        encoded.append(file.getvalue())
    return encoded


def mutated(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """Returns the bytes with one to eight changes."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 8))):
        if len(changed) < 8:
            return bytes(changed)
        in_header = rng.random() < 0.5
        start = rng.randrange(min(len(changed), 512) if in_header else len(changed))
        length = rng.choice((1, 2, 4, 16, 256))
        match rng.randrange(7):
            case 0:
                changed[start] ^= 1 << rng.randrange(8)
            case 1:
                changed[start] = rng.randrange(256)
            case 2:
                del changed[start : start + length]
            case 3:
                changed[start:start] = changed[start : start + length]
            case 4:
                changed[start : start + length] = bytes(min(length, len(changed) - start))
            case 5:
                source = rng.randrange(len(other) or 1)
                changed[start : start + length] = other[source : source + length]
            case 6:
                layout = rng.choice(("<H", ">H", "<I", ">I"))
                size = struct.calcsize(layout)
                value = rng.choice(EXTREMES) & (2 ** (8 * size) - 1)
                changed[start : start + size] = struct.pack(layout, value)
    return bytes(changed)


def main() -> int:
    """Fuzzes for --minutes; returns the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--seeds", type=Path, nargs="*", default=[])
    parser.add_argument("--keep", type=Path, default=Path("fuzz-findings"))
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    seeds = drawn_images() + [
        path.read_bytes()
        for folder in arguments.seeds
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.stat().st_size < 200_000
    ]
    counts: Counter[str] = Counter()
    end = time.monotonic() + 60 * arguments.minutes
    with tempfile.TemporaryDirectory() as name, closing(DecodePool(LIMITS.pixels)) as pool:
        while time.monotonic() < end:
            paths = [Path(name) / str(number) for number in range(BATCH)]
            for path in paths:
                path.write_bytes(mutated(rng.choice(seeds), rng.choice(seeds), rng))
            for path, (_, result) in file_check.check_files(paths, pool, LIMITS).items():
                counts[result.problem or "used"] += 1
                if result.problem in FINDINGS or "memory" in result.detail:
                    arguments.keep.mkdir(exist_ok=True)
                    shutil.copy(path, arguments.keep / f"{result.problem}-{counts.total()}")
                    print(f"{result.problem}: {result.detail}", flush=True)
    print(f"{counts.total():,} files of {len(seeds)} seeds: {dict(counts.most_common())}")
    return int(any(counts[code] for code in FINDINGS))


if __name__ == "__main__":
    sys.exit(main())
