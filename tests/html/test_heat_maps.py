import base64
import io

import numpy as np
from PIL import Image

from classifier.html import heat_maps
from classifier.html.markup import tag

HEAT = np.zeros((32, 32))
HEAT[:12, 20:], HEAT[20:, :12] = 2, -1  # upper right, lower left


def test_what_speaks_for_the_class_is_orange_and_what_speaks_against_it_blue():
    data = base64.b64decode(heat_maps.data_uri(HEAT).partition(",")[2])
    with Image.open(io.BytesIO(data)) as image:
        warm, cool, none = (np.array(image.getpixel(p), int) for p in ((26, 5), (5, 26), (5, 5)))
    assert np.abs(warm[:3] - heat_maps.FOR).max() < 12 and warm[3] == round(255 * heat_maps.OPACITY)
    assert np.abs(cool[:3] - heat_maps.AGAINST).max() < 12
    assert abs(2 * cool[3] - warm[3]) < 6 and none[3] == 0


def test_a_heat_map_is_told_in_words():
    text = heat_maps.figure(tag("img"), HEAT, "<b>")
    assert "heat map: the upper right speaks most for &lt;b&gt;, the lower left most ag" in text
    text = heat_maps.description(HEAT.clip(0), "cat")
    assert text == "heat map: the upper right speaks most for cat"
