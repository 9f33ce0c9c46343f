"""Images drawn by a program that resemble photographs in their statistics, to calibrate int8 on.

Shapes of heavy-tailed size lie over each other ("dead leaves": edges and areas at every scale, as
in Lee, Mumford and Huang, 2001, doi:10.1023/A:1011109015675), under noise whose amplitude falls
with its frequency, as that of natural images does (Field, 1987, doi:10.1364/JOSAA.4.002379).
Nothing depends on the user's images.
"""

import numpy as np
from PIL import Image, ImageDraw

SMALLEST = 3  # pixels of radius
TAIL = 1.2  # exponent of the sizes' power law
SHAPES = (150, 600)  # in an image
COLOURS = (2, 7)  # that an image's shapes are near to
SPREAD = 35  # levels from a colour, standard deviation
NOISE = (5, 30)  # levels, standard deviation


def draw_image(number: int, height: int, width: int) -> np.ndarray:
    """Returns the image of a number, uint8 (height, width, 3)."""
    rng = np.random.default_rng(number)
    levels = _shapes(rng, height, width) + _noise(rng, height, width) * rng.uniform(*NOISE)
    return np.clip(levels, 0, 255).astype(np.uint8)


def _shapes(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Returns ellipses and polygons over each other, float (height, width, 3)."""
    image = Image.new("RGB", (width, height), tuple(rng.integers(0, 256, 3).tolist()))
    pen = ImageDraw.Draw(image)
    palette = rng.integers(0, 256, (rng.integers(*COLOURS), 3))
    for _ in range(rng.integers(*SHAPES)):
        radius = min(SMALLEST * (1 - rng.random()) ** (-1 / TAIL), max(height, width) / 2)
        across, down = radius, radius * rng.uniform(0.4, 1.6)
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        near = palette[rng.integers(len(palette))] + rng.normal(0, SPREAD, 3)
        colour = tuple(np.clip(near, 0, 255).astype(int).tolist())
        if rng.random() < 1 / 3:
            pen.ellipse((x - across, y - down, x + across, y + down), colour)
        else:
            angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 8)))
            corners = zip(x + across * np.cos(angles), y + down * np.sin(angles), strict=True)
            pen.polygon([(float(a), float(b)) for a, b in corners], colour)
    return np.asarray(image, float)


def _noise(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Returns noise of mean 0 and deviation 1 with amplitudes of 1/f, float (height, width, 3)."""
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = np.inf  # no constant part
    shape = (3, *frequency.shape)
    waves = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / frequency
    noise = np.fft.irfft2(waves, (height, width))  # (3, height, width)
    return np.moveaxis(noise / noise.std(axis=(1, 2), keepdims=True), 0, -1)
