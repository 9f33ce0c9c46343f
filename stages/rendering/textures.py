"""Colours and patterns: 1/f noise, boards, woven cloth, stone, walls."""

from collections.abc import Callable

import numpy as np

from stages.rendering.geometry import Array, column, mix, smoothstep

Rng = np.random.Generator
Paint = Callable[[Array], Array]
Noise = Callable[[Array, Array], Array]
TILE = 256


def colour(hue: float, saturation: float, value: float) -> Array:
    """Returns linear light, shape (3, 1), for hue, saturation and value in 0 to 1."""
    wheel = np.clip(np.abs((hue * 6 + np.array([0, 4, 2])) % 6 - 3) - 1, 0, 1)
    return column(*(value * (1 - saturation * (1 - wheel))) ** 2.2)


def muted(rng: Rng, low: float, high: float) -> Array:
    """Returns a random colour of rooms and cloth, warm or cool, its value between low and high."""
    hue = rng.normal(0.09, 0.05) if rng.random() < 0.6 else rng.normal(0.54, 0.07)
    return colour(hue % 1, rng.beta(1.2, 4), rng.uniform(low, high))


def noise(rng: Rng, slope: float) -> Noise:
    """Returns a random 1/f noise of two coordinates, repeating every 1, with deviation 1."""
    frequency = np.hypot(np.fft.fftfreq(TILE)[:, None], np.fft.rfftfreq(TILE))
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.normal(size=(TILE, TILE))) * frequency**-slope
    field = np.fft.irfft2(spectrum, s=(TILE, TILE))
    tile = np.pad(field / field.std(), (0, 1), mode="wrap").astype(np.float32)

    def sample(u: Array, v: Array) -> Array:
        u, v = u * TILE, v * TILE
        left, top = np.floor(u), np.floor(v)
        row, step = TILE + 1, (u - left).astype(np.float32)
        index = (top.astype(np.int32) % TILE) * row + left.astype(np.int32) % TILE
        upper = mix(tile.take(index), tile.take(index + 1), step)
        lower = mix(tile.take(index + row), tile.take(index + row + 1), step)
        return mix(upper, lower, (v - top).astype(np.float32))

    return sample


def boards(rng: Rng) -> Paint:
    """Returns the paint of a wooden table."""
    wood = colour(rng.uniform(0.05, 0.1), rng.uniform(0.3, 0.7), rng.uniform(0.3, 0.75))
    rings, fibres, width = noise(rng, 1.5), noise(rng, 0.7), rng.uniform(0.7, 1.8)

    def paint(p: Array) -> Array:
        board = np.floor(p[0] / width)
        grown = np.sin(30 * rings(p[0] * 0.06 + board * 0.37, p[2] * 0.012 + board * 0.7))
        fibre = 0.1 * fibres(p[0] * 0.5, p[2] * 0.03)
        grain = np.clip(1 + 0.12 * grown + fibre + 0.1 * np.sin(board * 91), 0.2, 2)
        seam = smoothstep(0.0, 0.02, 0.5 - np.abs(p[0] / width - board - 0.5))
        return np.asarray(wood * grain * (0.35 + 0.65 * seam))

    return paint


def cloth(rng: Rng) -> Paint:
    """Returns the paint of a checked tablecloth."""
    first, second = muted(rng, 0.3, 0.9), muted(rng, 0.6, 0.95)
    wear, width = noise(rng, 0.7), rng.uniform(0.5, 1.6)

    def paint(p: Array) -> Array:
        weave = (
            1 + 0.12 * np.sin(p[0] * 45) * np.sin(p[2] * 45) + 0.06 * wear(p[0] * 0.4, p[2] * 0.4)
        )
        stripes = (p[[0, 2]] / width) % 1 < 0.5
        return mix(first, second, stripes.mean(0, dtype=np.float32)) * weave

    return paint


def stone(rng: Rng) -> Paint:
    """Returns the paint of a stone or plainly painted table."""
    base, cloud, fine = muted(rng, 0.45, 0.95), noise(rng, 1.4), noise(rng, 0.7)
    vein = base * rng.uniform(0.3, 1.0)

    def paint(p: Array) -> Array:
        u, v = p[0] * 0.05, p[2] * 0.05
        line = smoothstep(0.2, 0.0, np.abs(cloud(u, v) + 0.1 * fine(u * 2, v * 2)))
        return np.asarray(mix(base, vein, 0.6 * line) * (1 + 0.06 * fine(u * 6, v * 6)))

    return paint


def plain_wall(rng: Rng) -> Paint:
    """Returns the paint of a wall close by, perhaps tiled."""
    tone, cloud = muted(rng, 0.35, 0.95), noise(rng, 1.2)
    joints, width = 0.25 * (rng.random() < 0.4), rng.uniform(1.0, 2.0)

    def paint(p: Array) -> Array:
        high = p[1] / width
        across = p[0] / (2 * width) + 0.5 * (np.floor(high) % 2)
        joint = np.minimum(0.5 - np.abs(high % 1 - 0.5), 1 - np.abs(across % 1 - 0.5) * 2)
        plaster = 1 + 0.08 * cloud(p[0] * 0.04, p[1] * 0.04)
        return np.asarray(tone * plaster * (1 - joints * smoothstep(0.04, 0.015, joint)))

    return paint


def far_room(rng: Rng) -> Paint:
    """Returns the paint of a room far behind: large shapes and lamps, for the blur to soften."""
    tone, shapes = muted(rng, 0.3, 0.9), rng.uniform((-14, -10, 0.6, 0.6), (14, 8, 4, 4), (16, 4))
    tones = [muted(rng, 0.1, 1.0) * (1 if i < 12 else 5) for i in range(16)]

    def paint(p: Array) -> Array:
        albedo = np.broadcast_to(tone, p.shape)
        for i, (x, y, wide, high) in enumerate(shapes.tolist()):
            if i < 12:
                inside = (np.abs(p[0] - x) < wide) & (np.abs(p[1] - y) < high)
            else:
                inside = (p[0] - x) ** 2 + (p[1] - y) ** 2 < 0.15
            albedo = np.where(inside, tones[i], albedo)
        return np.asarray(albedo)

    return paint
