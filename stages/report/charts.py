"""Charts as SVG: lines, and how probabilities compare with what came true."""

import math
from collections.abc import Mapping, Sequence

from classifier.html.markup import Markup, tag

WIDTH, HEIGHT = 520, 280
LINE = 14  # of text
LEFT, RIGHT, TOP, BOTTOM = 48, 104, 14, 40  # margins, for axes and names


class Plane:
    """Places numbers on a chart.

    Args:
        x: lowest and highest number across.
        y: likewise, upwards.
    """

    def __init__(self, x: tuple[float, float], y: tuple[float, float]) -> None:
        self._x, self._y = x, y

    def across(self, value: float) -> float:
        """Returns the place of a number from the left."""
        low, high = self._x
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (value - low) / max(high - low, 1e-12), 1)

    def down(self, value: float) -> float:
        """Returns the place of a number from the top."""
        low, high = self._y
        share = (value - low) / max(high - low, 1e-12)
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share, 1)

    def axes(self, x_name: str, y_name: str, step: float = 0.0) -> list[Markup]:
        """Returns the grid with its numbers and names; across they are `step` apart or more."""
        drawn = []
        for value in ticks(*self._y):
            at = self.down(value)
            drawn.append(tag("line", class_="grid", x1=LEFT, x2=WIDTH - RIGHT, y1=at, y2=at))
            drawn.append(tag("text", f"{value:g}", x=LEFT - 6, y=at + 4, text_anchor="end"))
        for value in ticks(*self._x, least=step):
            at = self.across(value)
            place = {"x": at, "y": HEIGHT - BOTTOM + 16}
            drawn.append(tag("text", f"{value:g}", text_anchor="middle", **place))
        middle = (LEFT + WIDTH - RIGHT) / 2
        drawn.append(tag("text", x_name, x=middle, y=HEIGHT - 6, text_anchor="middle"))
        turned = f"translate(12 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)"
        drawn.append(tag("text", y_name, transform=turned, text_anchor="middle"))
        return drawn


def ticks(low: float, high: float, count: int = 5, least: float = 0.0) -> list[float]:
    """Returns round numbers between two, about `count` and no closer than `least`, a round one."""
    if high <= low:
        return [low]
    rough = (high - low) / count
    size = 10 ** math.floor(math.log10(rough))
    step = max(least, next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough))
    first = math.ceil(low / step - 1e-9)
    return [round(n * step, 10) for n in range(first, math.floor(high / step + 1e-9) + 1)]


def lines(
    title: str, series: Mapping[str, Sequence[float]], y_name: str, marked: int, ceiling: float
) -> Markup:
    """Returns curves over the epochs, the last point of each with its name.

    Args:
        title: what it shows, for who cannot see it.
        series: values by name, epochs counted from 1.
        y_name: of the axis upwards.
        marked: the epoch to mark.
        ceiling: the highest number shown; higher ones leave the chart.
    """
    count = max(map(len, series.values()))
    plane = Plane((1, max(count, 2)), (0, ceiling))
    at = plane.across(marked)
    drawn = plane.axes("epoch", y_name, step=1.0)
    drawn.append(tag("line", class_="mark", x1=at, x2=at, y1=TOP, y2=HEIGHT - BOTTOM))
    ends: list[float] = []
    for number, (name, values) in enumerate(series.items()):
        points = " ".join(
            f"{plane.across(epoch)},{plane.down(min(value, ceiling))}"
            for epoch, value in enumerate(values, 1)
        )
        drawn.append(tag("polyline", class_=f"line s{number}", points=points))
        end = apart(plane.down(min(values[-1], ceiling)), ends)
        ends.append(end)
        place = {"x": plane.across(len(values)) + 6, "y": round(end + 4, 1)}
        drawn.append(tag("text", name, class_=f"name s{number}", **place))
    return svg(title, drawn)


def apart(end: float, others: Sequence[float]) -> float:
    """Returns the nearest place below where a name hides none of the others."""
    for other in sorted(others):
        if abs(end - other) < LINE:
            end = other + LINE
    return end


def reliability(title: str, bins: Sequence[tuple[float, float, int]]) -> Markup:
    """Returns how often images judged with a probability were named rightly.

    Args:
        title: what it shows, for who cannot see it.
        bins: mean probability, share named rightly, and number of images of each.
    """
    plane = Plane((0, 1), (0, 1))
    drawn = plane.axes("probability of the predicted class", "share named rightly")
    ends = {"x1": plane.across(0), "y1": plane.down(0), "x2": plane.across(1), "y2": plane.down(1)}
    drawn.append(tag("line", class_="mark", **ends))
    most = max((count for _, _, count in bins), default=1)
    for probability, share, count in bins:
        size = round(3 + 9 * math.sqrt(count / most), 1)
        said = tag("title", f"{count} images at {probability:.2f}: {share:.2f} named rightly")
        place = {"cx": plane.across(probability), "cy": plane.down(share), "r": size}
        drawn.append(tag("circle", said, class_="dot", **place))
    return svg(title, drawn)


def svg(title: str, drawn: Sequence[Markup]) -> Markup:
    """Returns a drawing with a title for those who cannot see it."""
    box = f"0 0 {WIDTH} {HEIGHT}"
    return tag("svg", tag("title", title), *drawn, viewBox=box, role="img", class_="chart")
