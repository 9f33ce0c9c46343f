"""Draws sample pictures of three kinds of thing, so that a newcomer has something to train on."""

from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image

from stages import progress
from stages.rendering.camera import Camera
from stages.rendering.geometry import Array, Thing, column, march, turned, unit
from stages.rendering.shading import Light, Room, Scene, render
from stages.rendering.solids import Apple, Banana, Mug, Solid, rotation
from stages.rendering.textures import Rng, boards, cloth, far_room, plain_wall, stone

CLASS_NAMES: tuple[str, ...] = ("apple", "banana", "mug")
FIRST_TEST_SEED = 1001  # far above the training seeds, which count from 1
QUALITY = 88


def pose(class_name: str, rng: Rng) -> Array:
    """Returns the rotation, shape (3, 3), in which a thing of the class lies on the table."""
    turn = rotation(1, rng.uniform(-np.pi - 0.8, 0.8))  # shows the handle of nearly every mug
    if class_name == "banana":
        lean = np.pi / 2 * rng.choice([-1, 1]) + rng.uniform(-0.3, 0.3)
    elif class_name == "apple":
        lean = rng.uniform(-0.2, 0.2) if rng.random() < 0.85 else 1.3
    else:
        lean = 0.0
    return np.asarray(turn @ rotation(0, lean))


def place(class_name: str, rng: Rng) -> Thing:
    """Returns a random thing of the class, set down on the table."""
    solids: dict[str, type[Apple] | type[Banana] | type[Mug]]
    solids = {"apple": Apple, "banana": Banana, "mug": Mug}
    solid: Solid = solids[class_name](rng)
    radius, turn = solid.radius, pose(class_name, rng)
    loose = Thing(
        lambda p: solid.distance(turned(turn.T, p)),
        lambda p: solid.paint(turned(turn.T, p)),
        column(0, 0, 0),
        radius,
    )
    x, z = np.meshgrid(*[np.linspace(-radius, radius, 64, dtype=np.float32)] * 2)
    below = np.stack([x.ravel(), np.full(x.size, -radius, np.float32), z.ravel()])
    upwards = np.broadcast_to(column(0, 1, 0), below.shape)
    start = np.zeros(x.size, np.float32)
    lowest = float(march(loose, below, upwards, start, start + 2 * radius).min()) - radius
    lift = column(0, -lowest, 0)
    return Thing(lambda p: loose.distance(p - lift), lambda p: loose.paint(p - lift), lift, radius)


def furnish(rng: Rng) -> Room:
    """Returns a random table before a wall close by or, where it ends, a room far behind."""
    table = (boards, boards, cloth, cloth, stone)[rng.integers(5)](rng)
    turn, gloss = rotation(1, rng.uniform(-1.6, 1.6)), float(rng.choice([0, 0.35, 0.8]))
    if rng.random() < 0.5:
        ends, wall_z, wall = -rng.uniform(4, 9), -rng.uniform(20, 28), far_room(rng)
    else:
        ends, wall_z, wall = -99.0, -rng.uniform(3.5, 9), plain_wall(rng)
    return Room(lambda p: table(turned(turn, p)), wall, gloss, ends, wall_z)


def light(rng: Rng, dim: bool) -> Light:
    """Returns a window light from a random side, warm or cool, with the room's own light."""
    turn, height = rng.uniform(-2, 2), rng.uniform(0.45, 1.15)
    towards = unit(column(np.sin(turn), np.tan(height), np.cos(turn)))
    warmth, strength = rng.uniform(-0.16, 0.2), 0.35 if dim else 1.0
    tint = column(1 + warmth, 1, 1 - warmth)
    ambient = np.asarray(rng.uniform(0.4, 0.75) * strength / np.sqrt(tint), np.float32)
    return Light(towards, tint * rng.uniform(1.6, 2.6) * strength, ambient, rng.uniform(2.5, 9))


def camera(rng: Rng, thing: Thing, hard: str) -> Camera:
    """Returns a hand-held camera that looks at the thing from a random height and distance."""
    shares = {"far": (0.25, 0.35), "cut": (0.8, 1.05)}  # the thing's part of the picture's width
    share = rng.uniform(*shares.get(hard, (0.5, 0.92)))
    height, turn, focal = rng.uniform(0.3, 0.88), rng.uniform(-0.35, 0.35), rng.uniform(2.8, 4.4)
    back = column(np.sin(turn) * np.cos(height), np.sin(height), np.cos(turn) * np.cos(height))
    aside = rng.choice([-0.75, 0.75]) if hard == "cut" else rng.uniform(-0.25, 0.25)
    target = thing.centre + column(aside, rng.uniform(-0.2, 0.2), 0) * thing.radius
    return Camera(
        eye=target + back * (thing.radius * focal / share),
        target=target,
        roll=rng.uniform(-0.06, 0.06),
        focal=focal,
        size=(320, 240) if rng.random() < 0.6 else (240, 320),
        blur=rng.uniform(4, 12),
        exposure=rng.uniform(0.55, 0.85),
        grain=rng.uniform(1.5, 4) * (2.2 if hard == "dim" else 1),
    )


def draw(class_name: str, seed: int) -> Image.Image:
    """Returns one rendered picture, RGB, 320 x 240 or 240 x 320; same arguments, same pixels.

    Args:
        class_name: One of CLASS_NAMES.
        seed: Chooses the thing, its pose, the room, the light and the camera; not negative.
    """
    rng = np.random.default_rng([CLASS_NAMES.index(class_name), seed])
    hard = str(rng.choice(["", "far", "cut", "dim"], p=[0.79, 0.07, 0.07, 0.07]))
    thing, room = place(class_name, rng), furnish(rng)
    return render(Scene(thing, room, light(rng, hard == "dim"), camera(rng, thing, hard)), rng)


def save(class_name: str, seed: int, path: Path) -> None:
    """Draws one picture into a JPEG file."""
    draw(class_name, seed).save(path, quality=QUALITY)


def plan(folder: Path, train_per_class: int, test: int) -> list[tuple[str, int, Path]]:
    """Returns class, seed and path of every picture; the classes of test pictures are shuffled."""
    wanted = [
        (name, seed, folder / "train" / name / f"{name}_{seed:02}.jpg")
        for name in CLASS_NAMES
        for seed in range(1, train_per_class + 1)
    ]
    order = np.random.default_rng(0).permutation(test).tolist()
    for number, rank in enumerate(order, start=1):
        name = CLASS_NAMES[rank % len(CLASS_NAMES)]
        wanted.append((name, FIRST_TEST_SEED + rank, folder / "test" / f"photo_{number:02}.jpg"))
    return wanted


def write_samples(folder: Path, train_per_class: int = 24, test: int = 12) -> int:
    """Draws folder/train/<class>/<class>_01.jpg ... and folder/test/photo_01.jpg ...

    Uses every core; pictures that are there already are drawn again.

    Args:
        folder: Where to; made if missing.
        train_per_class: Training pictures of each class.
        test: Test pictures, as equally many of each class as that number allows.

    Returns:
        The number of pictures.
    """
    wanted = plan(folder, train_per_class, test)
    for _, _, path in wanted:
        path.parent.mkdir(parents=True, exist_ok=True)
    with (
        ProcessPoolExecutor(mp_context=get_context("spawn")) as pool,
        progress.bar("drawing", len(wanted)) as bar,
    ):
        for future in as_completed([pool.submit(save, *picture) for picture in wanted]):
            future.result()
            bar.update()
    return len(wanted)
