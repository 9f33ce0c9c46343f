"""Points, rays and solids: arrays of shape (3, n), and where rays meet a thing.

All arrays are float32; y is upwards, the table is the plane y = 0 and the camera looks towards
negative z. Colours are linear light, shape (3, n) or (3, 1).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Thing:
    """A solid: its signed distance, its paint (albedo and gloss) and a sphere around it."""

    distance: Callable[[Array], Array]
    paint: Callable[[Array], tuple[Array, Array]]
    centre: Array
    radius: float


def column(*values: float) -> Array:
    """Returns the values as a float32 array of shape (n, 1)."""
    return np.array(values, np.float32)[:, None]


def unit(vectors: Array) -> Array:
    """Returns the vectors, shape (3, n), scaled to length one."""
    return vectors / np.sqrt(dot(vectors, vectors) + np.float32(1e-12))


def dot(a: Array, b: Array) -> Array:
    """Returns the dot products, shape (n,), of two arrays of shape (3, n) or (3, 1)."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def cross(a: Array, b: Array) -> Array:
    """Returns the cross product of two arrays of shape (3, 1)."""
    return np.cross(a, b, axis=0).astype(np.float32)


def turned(matrix: Array, points: Array) -> Array:
    """Returns the points turned by a matrix of shape (3, 3).

    Not by `@`: its threads would compete with the other pictures' processes.
    """
    return np.asarray(np.einsum("ij,jn->in", matrix, points))


def smoothstep(low: float, high: float, x: Array) -> Array:
    """Returns 0 below low, 1 above high and a smooth rise between, shaped like x."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def mix(a: Array, b: Array, share: Array | np.float32) -> Array:
    """Returns a where share is 0 and b where it is 1."""
    return a + (b - a) * share


def sphere_span(thing: Thing, origin: Array, rays: Array, reach: float) -> tuple[Array, Array]:
    """Returns where rays enter and leave the thing's sphere, (n,) each; enter > leave: a miss."""
    to_centre = thing.centre - origin
    middle = dot(to_centre, rays)
    room = np.float32((thing.radius * reach) ** 2) - (dot(to_centre, to_centre) - middle * middle)
    half = np.sqrt(np.maximum(room, 0))
    near = np.where(room > 0, np.maximum(middle - half, 0), np.float32(np.inf))
    return near, np.asarray(middle + half, np.float32)


def march(thing: Thing, origin: Array, rays: Array, near: Array, far: Array) -> Array:
    """Follows rays from near to far and returns where each meets the thing, or infinity.

    Shapes: origin (3, 1) or (3, n), rays (3, n), near, far and the result (n,).
    """
    hit = np.full(near.shape, np.inf, np.float32)
    active = np.flatnonzero(near < far)
    origin = np.broadcast_to(origin, rays.shape)
    t, start, ray, end = near[active], origin[:, active], rays[:, active], far[active]
    for _ in range(24):
        for _ in range(3):  # dropping finished rays costs about as much as a step
            gap = thing.distance(start + ray * t)
            t = t + gap * (gap > 0.004) * np.float32(0.85)
        done = gap <= 0.004
        hit[active[done]] = t[done]
        keep = np.flatnonzero(~done & (t < end))
        if not keep.size:
            break
        active, t, start, ray, end = active[keep], t[keep], start[:, keep], ray[:, keep], end[keep]
    return hit


def normals(thing: Thing, points: Array) -> Array:
    """Returns the outward unit normals, shape (3, n), by differences at four nearby points."""
    total = np.zeros_like(points)
    for corner in ((1, -1, -1), (-1, -1, 1), (-1, 1, -1), (1, 1, 1)):
        offset = column(*corner)
        total += offset * thing.distance(points + offset * np.float32(0.004))
    return unit(total)
