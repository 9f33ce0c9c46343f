"""The things photographed: each a random signed distance and a random paint.

A solid stands upright about the origin. `distance` takes points of shape (3, n) and returns (n,);
`paint` returns the albedo there, (3, n), and the gloss from 0 to 1, (n,).
"""

from typing import Protocol

import numpy as np

from stages.rendering.geometry import Array, column, mix, smoothstep, turned
from stages.rendering.textures import Rng, colour, noise

TURN = np.float32(2 * np.pi)


class Solid(Protocol):
    """What every solid offers; `radius` is that of a sphere about the origin that holds it."""

    radius: float

    def distance(self, p: Array) -> Array:
        """Returns the distance from each point to the surface, negative inside."""

    def paint(self, p: Array) -> tuple[Array, Array]:
        """Returns albedo and gloss of the surface near each point."""


def rotation(axis: int, angle: float) -> Array:
    """Returns the matrix, shape (3, 3), that turns by angle radians about axis 0, 1 or 2."""
    i, j = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.eye(3, dtype=np.float32)
    matrix[i, i] = matrix[j, j] = np.cos(angle)
    matrix[j, i] = np.sin(angle)
    matrix[i, j] = -matrix[j, i]
    return matrix


def five_lobes(x: Array, r: Array) -> Array:
    """Returns the cosine of five times the angle whose cosine is x / r."""
    c = x / np.maximum(r, np.float32(1e-4))
    return np.asarray(c * (c * c * (16 * c * c - 20) + 5))


class Apple:
    """A spindle torus, which has the dimples, tapered and lobed, with a stem."""

    radius = 1.15

    def __init__(self, rng: Rng) -> None:
        self.core, self.taper = rng.uniform(0.26, 0.34), rng.uniform(0.1, 0.2)
        self.lobes, self.tall = rng.uniform(0.01, 0.035), rng.uniform(1.02, 1.2)
        self.lean, self.stem_top = rng.uniform(-0.4, 0.4), rng.uniform(0.85, 1.1)
        self.streaks, self.patches, self.dots = noise(rng, 0.8), noise(rng, 1.6), noise(rng, 0.35)
        hues = rng.uniform((-0.03, 0.11, 0.19), (0.03, 0.15, 0.25))
        self.skin = colour(rng.choice(hues) % 1, rng.uniform(0.62, 0.82), rng.uniform(0.45, 0.78))
        self.other = colour(
            rng.uniform(0.09, 0.19), rng.uniform(0.45, 0.7), rng.uniform(0.65, 0.85)
        )
        self.blush, self.gloss = rng.uniform(-0.6, 1.8), rng.uniform(0.4, 0.8)

    def stem(self, p: Array) -> Array:
        """Returns the distance to the stem alone."""
        rise = p[1] - np.clip(p[1], 0.3, self.stem_top)
        bend = p[0] - self.lean * (p[1] - 0.35) ** 2
        thick = 0.03 + 0.03 * smoothstep(self.stem_top - 0.15, self.stem_top, p[1])
        return np.asarray(np.sqrt(bend * bend + p[2] ** 2 + rise * rise) - thick)

    def body(self, p: Array) -> Array:
        """Returns the distance to the fruit alone."""
        r, y = np.hypot(p[0], p[2]), p[1] / self.tall
        bulge = 1 + self.taper * y + self.lobes * five_lobes(p[0], r) * (0.3 - y)
        return np.asarray((np.hypot(r / bulge - self.core, y) - (1 - self.core)) * 0.8)

    def distance(self, p: Array) -> Array:
        """Returns the distance from each point to the surface, negative inside."""
        return np.minimum(self.body(p), self.stem(p))

    def paint(self, p: Array) -> tuple[Array, Array]:
        """Returns streaked skin, paler around the stem, with small dots."""
        turn = np.arctan2(p[2], p[0]) / TURN
        streak = 0.7 * self.streaks(turn * 2, p[1] * 0.06) + 0.6 * self.patches(turn, p[1] * 0.25)
        top = smoothstep(0.42, 0.0, np.hypot(p[0], p[2]) - 0.05) * (p[1] > 0)
        sunny = 0.5 * np.sin(turn * TURN)
        share = smoothstep(-1.6, 2.2, streak - self.blush + 1.6 * top + sunny)
        dots = smoothstep(2.0, 2.6, self.dots(turn * 1.3, p[1] * 0.5))
        albedo = mix(mix(self.skin, self.other, share), colour(0.13, 0.3, 0.85), 0.5 * dots)
        woody = self.stem(p) < self.body(p)
        gloss = np.where(woody, 0.1, self.gloss).astype(np.float32)
        return np.where(woody, colour(0.08, 0.5, 0.3), albedo), gloss


class Banana:
    """One to three tapering, five-sided tubes along an arc, joined at the stalk."""

    def __init__(self, rng: Rng) -> None:
        self.reach, self.thick = rng.uniform(1.5, 2.2), rng.uniform(0.25, 0.32)
        self.half = min(rng.uniform(0.8, 1.1), 1.75 / self.reach)  # angle from middle to end
        self.ridge, self.count = rng.uniform(0.02, 0.05), int(rng.choice([1, 1, 1, 2, 3]))
        self.blotches, self.specks = noise(rng, 1.1), noise(rng, 0.6)
        hue = rng.choice([*rng.uniform((0.115, 0.115, 0.165), (0.145, 0.145, 0.215)), 0.01])
        value = rng.uniform(0.75, 0.95) if hue > 0.05 else rng.uniform(0.45, 0.6)
        self.skin, self.ripe = colour(hue, rng.uniform(0.58, 0.78), value), rng.uniform(-0.8, 1.3)
        sine, cosine = float(np.sin(self.half)), float(np.cos(self.half))
        self.middle = self.reach * (0.4 + 0.6 * cosine)  # so that the solid is centred
        self.stalk = column(-self.reach * sine, self.reach * cosine - self.middle, 0)
        self.turns = [rotation(2, 0.05 * i) @ rotation(0, 0.42 * i) for i in range(self.count)]
        self.radius = (
            self.reach * float(np.hypot(sine, 0.4 * (1 - cosine))) + 0.3 * self.count - 0.15
        )

    def along(self, p: Array) -> tuple[Array, Array]:
        """Returns each point's place along the arc, -1 to 1, and distance from one tube."""
        x, y = p[0], p[1] + self.middle
        place = np.clip(np.arctan2(x, y) / self.half, -1, 1)
        angle = place * self.half
        dx, dy = x - self.reach * np.sin(angle), y - self.reach * np.cos(angle)
        away = np.sqrt(dx * dx + dy * dy + p[2] ** 2)
        girth = 0.3 + 0.7 * smoothstep(-0.92, -0.55, place)
        girth = girth * (0.32 + 0.68 * smoothstep(1.0, 0.72, place)) * (1 - 0.1 * place * place)
        lobes = 1 + self.ridge * five_lobes(np.hypot(x, y) - self.reach, away)
        return place, away - self.thick * girth * lobes

    def copies(self, p: Array) -> list[Array]:
        """Returns the points as each of the tubes sees them."""
        return [turned(turn, p - self.stalk) + self.stalk for turn in self.turns]

    def distance(self, p: Array) -> Array:
        """Returns the distance from each point to the surface, negative inside."""
        return np.min([self.along(q)[1] for q in self.copies(p)], axis=0) * np.float32(0.85)

    def paint(self, p: Array) -> tuple[Array, Array]:
        """Returns skin with brown spots when ripe, green ends when not, and dark tips."""
        copies = self.copies(p)
        nearest = np.argmin([self.along(q)[1] for q in copies], axis=0)
        local = np.asarray(np.choose(nearest, copies), np.float32)
        place, _ = self.along(local)
        outward = np.hypot(local[0], local[1] + self.middle) - self.reach
        u, v = place * 0.3 + 0.37 * nearest, np.arctan2(local[2], outward) / TURN * 0.5
        unripe = 0.7 * float(np.clip((1 - self.ripe) / 1.3, 0, 1))
        ends = smoothstep(0.5, 1.0, np.abs(place)) * np.float32(unripe)
        albedo = mix(self.skin * (1 + 0.06 * self.specks(u, v)), colour(0.19, 0.6, 0.65), ends)
        aged = self.specks(u * 1.7, v * 1.2) + 0.6 * self.blotches(u, v) + 0.5 * self.ripe
        spots = smoothstep(1.5, 2.0, np.asarray(aged))
        albedo = mix(albedo, colour(0.07, 0.7, 0.28), 0.8 * spots)
        tips = smoothstep(0.95, 0.985, place) + smoothstep(-0.975, -0.995, place)
        return mix(albedo, colour(0.08, 0.5, 0.16), tips), 0.4 - 0.3 * spots


class Mug:
    """A rounded, hollow cylinder with a handle, perhaps filled."""

    def __init__(self, rng: Rng) -> None:
        self.wide, self.high = rng.uniform(0.66, 0.85), rng.uniform(0.72, 1.0)
        self.wall, self.rounding = rng.uniform(0.06, 0.1), rng.uniform(0.05, 0.2)
        self.flare, self.belly = rng.uniform(-0.04, 0.14), rng.uniform(-0.05, 0.1)
        self.loop = rng.uniform(0.38, 0.46) * self.high / 0.8
        filled, level = rng.random() < 0.6, rng.uniform(0.3, 0.8)
        self.level = self.high * (level if filled else -1)
        self.glaze = colour(rng.random(), rng.uniform(0.1, 0.85), rng.uniform(0.25, 0.9))
        self.second = colour(rng.random(), rng.uniform(0.0, 0.6), rng.uniform(0.3, 0.95))
        self.inside = (self.glaze, self.second, column(0.75, 0.72, 0.66))[rng.integers(3)]
        coffee, milky, tea = (
            colour(0.07, 0.75, 0.2),
            colour(0.08, 0.55, 0.55),
            colour(0.06, 0.85, 0.4),
        )
        self.drink = (coffee, milky, tea)[rng.integers(3)]
        self.style, self.repeat = int(rng.integers(5)), int(rng.integers(4, 9))
        self.speckle, self.edge = noise(rng, 0.3), rng.uniform(-0.4, 0.4)
        self.radius = (
            max(float(np.hypot(self.high, self.wide * 1.1)), self.wide + self.loop + 0.2) + 0.05
        )

    def side(self, p: Array) -> Array:
        """Returns how far the outside is from the axis at each point's height."""
        y = p[1] / self.high
        return np.asarray(self.wide * (1 + self.flare * y + self.belly * (1 - y * y)))

    def cavity(self, p: Array) -> Array:
        """Returns the distance to the hollow."""
        floor = self.wall * 1.5 - self.high - p[1]
        return np.maximum(np.hypot(p[0], p[2]) - self.side(p) + self.wall, floor)

    def block(self, p: Array) -> Array:
        """Returns the distance to the mug before it is hollowed out."""
        side = self.side(p)
        curve = np.where(p[1] < 0, self.rounding, self.wall * 0.45).astype(np.float32)
        a, b = np.hypot(p[0], p[2]) - side + curve, np.abs(p[1]) - self.high + curve
        corner = np.hypot(np.maximum(a, 0), np.maximum(b, 0))
        outer = corner + np.minimum(np.maximum(a, b), 0) - curve
        ring = np.hypot((p[0] - side) * 1.15, p[1] * 0.85) - self.loop
        handle = np.hypot(ring, p[2] * 0.75) - 0.085
        blend = np.maximum(0.12 - np.abs(outer - handle), 0)
        return np.asarray(np.minimum(outer, handle) - blend * blend / 0.48)

    def distance(self, p: Array) -> Array:
        """Returns the distance from each point to the surface, negative inside."""
        body, hole = self.block(p), self.cavity(p)
        blend = np.maximum(0.05 - np.abs(body + hole), 0)
        body = np.maximum(body, -hole) + blend * blend / 0.2
        return np.asarray(np.minimum(body, np.maximum(hole - 0.02, p[1] - self.level)) * 0.9)

    def pattern(self, p: Array) -> Array:
        """Returns where the second colour shows: nowhere, dipped, banded, dotted or speckled."""
        turn, y = np.arctan2(p[2], p[0]), p[1] / self.high
        u = turn / TURN
        if self.style == 0:
            return np.zeros_like(y)
        if self.style == 1:
            wave = self.edge + 0.05 * np.sin(3 * turn) + 0.04 * np.sin(7 * turn)
            return smoothstep(-0.02, 0.02, wave - y)
        if self.style == 2:
            return smoothstep(-0.1, 0.1, np.sin(y * self.repeat * 2))
        if self.style == 3:
            dots = np.hypot(u * 2 * self.repeat % 1 - 0.5, y * self.repeat * 0.4 % 1 - 0.5)
            return smoothstep(0.3, 0.24, dots) * (np.abs(y) < 0.85)
        return smoothstep(1.7, 2.2, self.speckle(u * 2, y * 0.6))

    def paint(self, p: Array) -> tuple[Array, Array]:
        """Returns patterned glaze outside, another within, and the drink."""
        on_body = np.hypot(p[0], p[2]) < self.side(p) + 0.02
        albedo = mix(self.glaze, self.second, self.pattern(p) * on_body)
        within = self.cavity(p) < 0.012
        wet = within & (np.abs(p[1] - self.level + 0.02) < 0.03)
        albedo = np.where(wet, self.drink, np.where(within, self.inside, albedo))
        return albedo, np.ones_like(p[0])
