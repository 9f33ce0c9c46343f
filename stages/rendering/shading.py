"""Light: what a camera sees of one thing on a table in front of a wall, beside a window."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from stages.rendering.camera import OVERSAMPLING, Camera, camera_rays, defocus, develop
from stages.rendering.geometry import (
    Array,
    Mask,
    Thing,
    column,
    cross,
    dot,
    march,
    mix,
    normals,
    smoothstep,
    sphere_span,
    unit,
)

SHADOW_REACH = 1.6  # penumbrae begin outside the thing, so shadow rays search a wider sphere


@dataclass(frozen=True)
class Room:
    """Table and wall: their paints, where the table ends, where the wall stands (both z)."""

    table: Callable[[Array], Array]
    wall: Callable[[Array], Array]
    table_gloss: float
    table_end: float
    wall_z: float


@dataclass(frozen=True)
class Light:
    """The window: unit direction towards it, its colour, the room's own light, its hardness."""

    towards: Array
    colour: Array
    ambient: Array
    hardness: float


@dataclass(frozen=True)
class Scene:
    """All that a picture shows."""

    thing: Thing
    room: Room
    light: Light
    camera: Camera


def visibility(scene: Scene, points: Array) -> Array:
    """Returns how much of the window each point sees past the thing, 0 to 1, shape (n,)."""
    towards = scene.light.towards
    near, far = sphere_span(scene.thing, points, towards, SHADOW_REACH)
    seen = np.ones(points.shape[1], np.float32)
    active = np.flatnonzero(near < far)
    t, start, end = np.maximum(near[active], 0.03), points[:, active], far[active]
    worst = np.ones(active.shape, np.float32)
    for _ in range(12):
        for _ in range(3):
            gap = scene.thing.distance(start + towards * t)
            worst = np.minimum(worst, scene.light.hardness * gap / t)
            t = t + np.clip(np.abs(gap), 0.06, 0.5)
        seen[active] = worst
        keep = np.flatnonzero((worst > -1) & (t < end))
        if not keep.size:
            break
        active, t, start = active[keep], t[keep], start[:, keep]
        end, worst = end[keep], worst[keep]
    seen = np.maximum(seen, -1)
    return 0.25 * (1 + seen) ** 2 * (2 - seen)


def openness(scene: Scene, points: Array, normal: Array) -> Array:
    """Returns how open the surroundings of each point are, 0 to 1, shape (n,)."""
    thing, result = scene.thing, np.ones(points.shape[1], np.float32)
    away = points - thing.centre
    close = np.flatnonzero(dot(away, away) < (thing.radius + 1.3) ** 2)
    start, direction = points[:, close], np.broadcast_to(normal, points.shape)[:, close]
    hidden = np.zeros(close.shape, np.float32)
    for height, weight in ((0.06, 1.4), (0.16, 0.9), (0.36, 0.55), (0.7, 0.32), (1.2, 0.2)):
        probe = start + direction * np.float32(height)
        gap = np.minimum(thing.distance(probe), probe[1])
        hidden += np.float32(weight) * np.clip(height - gap, 0, height)
    result[close] = np.exp(-2 * hidden)
    return result


def surroundings(scene: Scene, rays: Array, bounce: Array, sharpness: Array) -> Array:
    """Returns what a glossy surface mirrors: room, table and a window with bars, (3, n)."""
    light = scene.light
    across = unit(cross(column(0, 1, 0), light.towards))
    up = cross(light.towards, across)
    front = dot(rays, light.towards)
    scale = np.asarray(1 / np.maximum(front, 0.05), np.float32)
    a, b = np.abs(dot(rays, across) * scale), np.abs(dot(rays, up) * scale)
    pane = smoothstep(0.0, 0.09, 0.34 - a) * smoothstep(0.0, 0.09, 0.46 - b)
    bars = smoothstep(0.01, 0.05, np.asarray(np.minimum(a, np.abs(b - 0.1)), np.float32))
    glow = np.asarray(
        np.maximum(front, 0) ** 24 * 1.2, np.float32
    )  # what a matt surface makes of the window
    window = np.where(front > 0.05, mix(glow, pane * bars * 3.5, sharpness), 0)
    walls = 0.7 + 0.3 * np.sin(3 * np.arctan2(rays[0], rays[2]) + 4 * light.towards[0])
    room = mix(bounce, light.ambient * walls, smoothstep(-0.15, 0.2, rays[1]))
    return np.asarray(room + light.colour * window, np.float32)


def shade(
    scene: Scene, points: Array, normal: Array, rays: Array, paint: tuple[Array, Array]
) -> Array:
    """Returns the light, shape (3, n), that the points send back along the rays."""
    light, (albedo, gloss) = scene.light, paint
    lit = visibility(scene, points + normal * np.float32(0.02))
    lit = lit / (
        1 + dot(points - light.towards * 4, points - light.towards * 4) * np.float32(0.006)
    )
    facing = np.clip((dot(normal, light.towards) + 0.12) / 1.12, 0, 1) * lit
    opened = openness(scene, points, normal)
    bounce = light.colour * light.towards[1] * 0.55 + light.ambient * 0.4
    bounce = bounce * scene.room.table(np.array([[0.3], [0], [0.3]], np.float32))
    sky = mix(bounce, light.ambient, 0.5 + 0.5 * normal[1]) * opened
    incidence = -dot(normal, rays)
    mirrored = rays + 2 * incidence * normal
    fresnel = 0.045 + 0.7 * (1 - np.clip(incidence, 0, 1)) ** 5
    shine = surroundings(scene, mirrored, bounce * 0.7, np.clip(gloss * 1.4 - 0.4, 0, 1))
    return albedo * (light.colour * facing + sky) + shine * (
        fresnel * gloss * (0.25 + 0.75 * opened)
    )


def room_hits(scene: Scene, rays: Array) -> tuple[Array, Mask]:
    """Returns how far along each ray the room is, and whether it is the table there, (n,) each."""
    eye, room = scene.camera.eye, scene.room
    with np.errstate(divide="ignore"):
        table = np.where(rays[1] < 0, -eye[1] / rays[1], np.float32(np.inf))
        wall = np.where(rays[2] < 0, (room.wall_z - eye[2]) / rays[2], np.float32(np.inf))
    on_table = (table < wall) & (eye[2] + rays[2] * np.minimum(table, 1e4) > room.table_end)
    return np.minimum(np.where(on_table, table, wall), 200), on_table


def shade_room(
    scene: Scene,
    rays: Array,
    distance: Array,
    on_table: Mask,
    on_wall: Mask,
) -> Array:
    """Returns the light, shape (3, n), from table and wall, black where the ray is on neither."""
    colours = np.zeros_like(rays)
    points = scene.camera.eye + rays * distance
    for flat, normal, paint, gloss in (
        (on_table, column(0, 1, 0), scene.room.table, scene.room.table_gloss),
        (on_wall, column(0, 0, 1), scene.room.wall, 0.0),
    ):
        where, ray = points[:, flat], rays[:, flat]
        shine = np.full(where.shape[1], gloss, np.float32)
        colours[:, flat] = shade(scene, where, normal, ray, (paint(where), shine))
    if scene.room.table_gloss > 0.3:
        add_reflection(scene, points, rays, on_table, colours)
    return colours


def add_reflection(
    scene: Scene, points: Array, rays: Array, on_table: Mask, colours: Array
) -> None:
    """Adds to the colours, in place, the thing mirrored faintly in a polished table."""
    thing, mirrored = scene.thing, rays * column(1, -1, 1)
    near, far = sphere_span(thing, points, mirrored, 1.0)
    seen = np.flatnonzero(on_table & (near < far))
    start, ray = points[:, seen], mirrored[:, seen]
    distance = march(thing, start, ray, np.maximum(near[seen], 0.01), far[seen])
    found = np.isfinite(distance)
    place = start[:, found] + ray[:, found] * distance[found]
    light = scene.light.ambient * 0.6 + scene.light.colour * 0.25
    strength = scene.room.table_gloss * (0.05 + 0.7 * (1 - ray[1, found]) ** 5)
    fading = np.exp(-0.9 * distance[found])
    shown = seen[found]
    colours[:, shown] = mix(colours[:, shown], thing.paint(place)[0] * light, strength * fading)


def render(scene: Scene, rng: np.random.Generator) -> Image.Image:
    """Returns the picture, RGB and of the camera's size, that the scene's camera takes.

    Args:
        scene: What there is to see.
        rng: Draws the grain.
    """
    camera, thing, rays = scene.camera, scene.thing, camera_rays(scene.camera)
    distance, on_table = room_hits(scene, rays)
    near, far = sphere_span(thing, camera.eye, rays, 1.0)
    found = march(thing, camera.eye, rays, near, np.minimum(far, distance))
    hit = np.isfinite(found)
    shape = (-1, *(round(length * OVERSAMPLING) for length in reversed(camera.size)))
    room = shade_room(scene, rays, distance, on_table & ~hit, ~on_table & ~hit).reshape(shape)
    image = defocus(
        room, hit.reshape(shape[1:]).astype(np.float32), distance.reshape(shape[1:]), camera
    )
    flat = image.reshape(3, -1)
    points = camera.eye + rays[:, hit] * found[hit]
    flat[:, hit] = shade(scene, points, normals(thing, points), rays[:, hit], thing.paint(points))
    return develop(flat.reshape(shape), camera, rng)
