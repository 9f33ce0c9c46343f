"""The camera: its rays, its focus and how it turns light into a picture."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from stages.rendering.geometry import Array, column, cross, mix, unit

OVERSAMPLING = 1.5


@dataclass(frozen=True)
class Camera:
    """Where it stands, what it looks at, and how it takes the picture (blur in output pixels)."""

    eye: Array
    target: Array
    roll: float
    focal: float
    size: tuple[int, int]
    blur: float
    exposure: float
    grain: float


def camera_rays(camera: Camera) -> Array:
    """Returns the unit rays, shape (3, rows * columns), through the oversampled pixels."""
    columns, rows = (round(length * OVERSAMPLING) for length in camera.size)
    forward = unit(camera.target - camera.eye)
    right = unit(cross(forward, column(camera.roll, 1, 0)))
    down = cross(forward, right)
    x, y = np.meshgrid(np.arange(columns) + 0.5, np.arange(rows) + 0.5)
    scale = 2 / min(columns, rows)
    x, y = ((x - columns / 2) * scale).ravel(), ((y - rows / 2) * scale).ravel()
    rays = forward * camera.focal + right * x.astype(np.float32) + down * y.astype(np.float32)
    return unit(rays)


def disc_blur(image: Array, radius: float) -> Array:
    """Returns the image, shape (k, rows, columns), out of focus by a disc of that radius."""
    pad = int(radius) + 2
    padded = np.pad(image, ((0, 0), (pad, pad), (pad, pad)), mode="edge")
    rows, columns = padded.shape[1:]
    y, x = np.fft.fftfreq(rows) * rows, np.fft.fftfreq(columns) * columns
    disc = np.clip(radius + 0.5 - np.hypot(x, y[:, None]), 0, 1).astype(np.float32)
    spectrum = np.fft.rfft2(padded) * np.fft.rfft2(disc / disc.sum())
    blurred = np.fft.irfft2(spectrum, s=(rows, columns)).astype(np.float32)
    return np.asarray(blurred[:, pad:-pad, pad:-pad])


def defocus(image: Array, covered: Array, distance: Array, camera: Camera) -> Array:
    """Returns the room's image, (3, rows, columns), blurred more the farther it is from focus.

    Pixels that the thing covers (1 where it does) do not bleed into the blur.
    """
    focus = float(np.linalg.norm(camera.target - camera.eye))
    spread = np.clip(np.abs(1 - focus / distance) * 2 - 0.12, 0, 1)
    layers = np.concatenate([image * (1 - covered), 1 - covered[None]])
    layers = layers[:, ::2] + layers[:, 1::2]
    layers = layers[..., ::2] + layers[..., 1::2]  # a blur needs half the resolution only
    result = image
    for share in (0.3, 1.0):
        blurred = disc_blur(layers, camera.blur * OVERSAMPLING / 2 * share)
        soft = (blurred[:3] / np.maximum(blurred[3], 0.05)).repeat(2, 1).repeat(2, 2)
        low = 0.0 if share < 1 else 0.3
        result = mix(result, soft, np.clip((spread - low) / (share - low), 0, 1))
    return result


def develop(light: Array, camera: Camera, rng: np.random.Generator) -> Image.Image:
    """Returns the picture of linear light (3, rows, columns): film curve, vignette and grain."""
    exposed = np.maximum(light, 0) * np.float32(camera.exposure)
    exposed = mix(exposed, exposed.mean(0), np.float32(0.12))  # sensors mix the colours a little
    curve = exposed * (2.51 * exposed + 0.03) / (exposed * (2.43 * exposed + 0.59) + 0.14)
    pixels = (np.clip(curve, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8).transpose(1, 2, 0)
    small = Image.fromarray(pixels).resize(camera.size, Image.Resampling.LANCZOS)
    picture = np.asarray(small, np.float32)
    rows, columns = picture.shape[:2]
    y, x = np.ogrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    picture = picture * (1 - 0.16 * (x * x + y * y) ** 1.5 / 2.8)[..., None].astype(np.float32)
    grain = rng.normal(0, camera.grain, (*picture.shape[:2], 3)) * (1.3 - picture / 255)
    return Image.fromarray(np.clip(picture + grain, 0, 255).astype(np.uint8))
