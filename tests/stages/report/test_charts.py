import itertools
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.report import charts


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_are_round_few_and_within(low, span):
    ticks = charts.ticks(low, low + span)
    assert len(ticks) <= 7
    assert all(low - span * 1e-6 <= tick <= low + span * (1 + 1e-6) for tick in ticks)
    steps = {round((b - a) / span, 6) for a, b in itertools.pairwise(ticks)}
    assert len(steps) <= 1 or max(steps) - min(steps) < 1e-4


def test_ticks_of_epochs_are_whole_numbers():
    assert charts.ticks(1, 3, min_step=1.0) == [1, 2, 3]
    assert charts.ticks(1, 32, min_step=1.0) == [10, 20, 30]


def points(chart: str, number: int) -> list[tuple[float, float]]:
    found = re.search(rf'class="line s{number}" points="([^"]*)"', chart)
    return [tuple(map(float, pair.split(","))) for pair in found[1].split()]


def test_a_curve_goes_through_its_values():
    chart = charts.lines("A <title>", {"one": [1.0, 0.5, 0.0], "two": [0, 0, 9]}, "loss", 2, 1.0)
    assert ET.fromstring(chart)[0].text == "A <title>"
    left, right = charts.LEFT, charts.WIDTH - charts.RIGHT
    top, bottom = charts.TOP, charts.HEIGHT - charts.BOTTOM
    middle = (left + right) / 2, (top + bottom) / 2
    assert points(chart, 0) == [(left, top), pytest.approx(middle), (right, bottom)]
    assert points(chart, 1)[-1] == (right, top)  # values above the maximum stay at the top


def test_labels_of_curves_that_end_together_stay_apart():
    chart = charts.lines("A <title>", {"one": [1.0, 0.5], "two": [0.9, 0.5]}, "loss", 1, 1.0)
    one, two = (float(y) for y in re.findall(r'class="name s\d" x="[^"]*" y="([^"]*)"', chart))
    assert abs(one - two) >= 14


@given(st.lists(st.floats(0, 300), max_size=6))
def test_labels_never_overlap(ends):
    placed = []
    for end in ends:
        placed.append(charts.label_y(end, placed))
    assert all(b - a >= charts.LINE_HEIGHT - 1e-6 for a, b in itertools.pairwise(sorted(placed)))


def test_charts_have_text_alternatives():
    chart = ET.fromstring(charts.reliability([(0.5, 0.4, 10), (0.9, 1.0, 90)]))
    titles = [element.text for element in chart.iter("title")]
    assert (
        titles[0] == "Accuracy by predicted probability"
        and "90 images: probability 0.90, accuracy 1.00" in titles
    )
    sizes = [float(element.get("r")) for element in chart.iter("circle")]
    assert sizes[0] < sizes[1]
