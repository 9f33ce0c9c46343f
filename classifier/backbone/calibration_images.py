"""Synthetic images with the statistics of photographs, to calibrate int8 on.

Overlapping shapes with a heavy-tailed size distribution give edges and areas at every scale (the
"dead leaves" model: Lee, Mumford and Huang, 2001, doi:10.1023/A:1011109015675). Noise whose
amplitude falls with its frequency is added, as in natural images (Field, 1987,
doi:10.1364/JOSAA.4.002379). Nothing depends on the user's images.
"""

import numpy as np
from PIL import Image, ImageDraw

MIN_RADIUS = 3  # pixels
RADIUS_EXPONENT = 1.2  # of the power law of sizes
SHAPES = (150, 600)  # per image
COLOURS = (2, 7)  # in the palette of an image
COLOUR_STD = 35  # levels around a colour of the palette
NOISE_STD = (5, 30)  # levels


def draw_image(number: int, height: int, width: int) -> np.ndarray:
    """Returns an image determined by `number`, uint8 (height, width, 3)."""
    rng = np.random.default_rng(number)
    levels = _shapes(rng, height, width) + _noise(rng, height, width) * rng.uniform(*NOISE_STD)
    return np.clip(levels, 0, 255).astype(np.uint8)


def _shapes(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Returns overlapping ellipses and polygons, float (height, width, 3)."""
    image = Image.new("RGB", (width, height), tuple(rng.integers(0, 256, 3).tolist()))
    draw = ImageDraw.Draw(image)
    palette = rng.integers(0, 256, (rng.integers(*COLOURS), 3))
    for _ in range(rng.integers(*SHAPES)):
        radius = MIN_RADIUS * (1 - rng.random()) ** (-1 / RADIUS_EXPONENT)
        rx = min(radius, max(height, width) / 2)
        ry = rx * rng.uniform(0.4, 1.6)
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        levels = palette[rng.integers(len(palette))] + rng.normal(0, COLOUR_STD, 3)
        colour = tuple(np.clip(levels, 0, 255).astype(int).tolist())
        if rng.random() < 1 / 3:
            draw.ellipse((x - rx, y - ry, x + rx, y + ry), colour)
        else:
            angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 8)))
            corners = zip(x + rx * np.cos(angles), y + ry * np.sin(angles), strict=True)
            draw.polygon([(float(a), float(b)) for a, b in corners], colour)
    return np.asarray(image, float)


def _noise(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Returns 1/f noise with mean 0 and standard deviation 1, float (height, width, 3)."""
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = np.inf  # no constant part
    shape = (3, *frequency.shape)
    spectrum = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / frequency
    noise = np.fft.irfft2(spectrum, (height, width))  # (3, height, width)
    return np.moveaxis(noise / noise.std(axis=(1, 2), keepdims=True), 0, -1)
