"""Heat maps as translucent images, to be laid over a thumbnail."""

import base64
import io

import numpy as np
from PIL import Image

from classifier.html.markup import Markup, tag
from classifier.html.thumbnails import PREFIX

FOR, AGAINST = (230, 97, 0), (30, 100, 230)  # orange and blue: told apart by nearly everyone
OPACITY = 0.75  # of the strongest place
PLACES = (
    "the upper left", "the top", "the upper right",
    "the left", "the centre", "the right",
    "the lower left", "the bottom", "the lower right",
)  # fmt: skip


def figure(thumbnail: Markup, heat: np.ndarray, name: str) -> Markup:
    """Returns a thumbnail with a heat map over it, which page.css shows and hides.

    Args:
        thumbnail: an element.
        heat: float (h, w), positive where the image speaks for the class.
        name: of the class.
    """
    image = tag("img", src=data_uri(heat), alt=description(heat, name), class_="heat")
    return tag("span", thumbnail, image, class_="why")


def switch(text: str, checked: bool = True, name: str | None = None) -> Markup:
    """Returns a box to tick that shows the heat maps of the page; `name` is that of a field."""
    values = {"type": "checkbox", "name": name, "checked": checked or None}
    box = tag("input", class_="show-why", **values)
    return tag("label", box, text, class_="switch")


def data_uri(heat: np.ndarray) -> str:
    """Returns a heat map as an image: orange is positive, blue negative, and 0 transparent."""
    colours = np.where(heat[:, :, None] > 0, FOR, AGAINST).astype(np.uint8)
    opacity = OPACITY * np.abs(heat) / max(np.abs(heat).max(), 1e-12)
    alpha = np.round(255 * opacity).astype(np.uint8)
    file = io.BytesIO()
    image = Image.fromarray(np.dstack([colours, alpha]), "RGBA")
    image.save(file, "WEBP", quality=60, method=2)
    return PREFIX + base64.b64encode(file.getvalue()).decode()


def description(heat: np.ndarray, name: str) -> str:
    """Returns in words where a heat map is strongest."""
    text = f"heat map: {place(heat)} speaks most for {name}"
    return f"{text}, {place(-heat)} most against it" if heat.min() < 0 else text


def place(heat: np.ndarray) -> str:
    """Returns which ninth of the image is the hottest."""
    bands = (np.array_split(band, 3, axis=1) for band in np.array_split(heat, 3, axis=0))
    return PLACES[int(np.argmax([part.mean() for band in bands for part in band]))]
