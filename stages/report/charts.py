"""SVG charts: curves, and the reliability diagram."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from classifier.common.errors import count
from classifier.html.markup import Markup, tag

WIDTH, HEIGHT = 520, 280
LINE_HEIGHT = 14
LEFT, RIGHT, TOP, BOTTOM = 54, 104, 14, 40  # margins for axes and names


@dataclass(frozen=True)
class Axes:
    """The axes of a chart, each with its lowest and highest value."""

    x_range: tuple[float, float]
    y_range: tuple[float, float]

    def x(self, value: float) -> float:
        """Returns the SVG coordinate of a value on the horizontal axis."""
        low, high = self.x_range
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (value - low) / (high - low), 1)

    def y(self, value: float) -> float:
        """Returns the SVG coordinate of a value on the vertical axis."""
        low, high = self.y_range
        fraction = (value - low) / (high - low)
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * fraction, 1)

    def draw(self, x_name: str, y_name: str, min_step: float = 0.0) -> list[Markup]:
        """Returns grid, numbers and names; numbers on the x axis are `min_step` or more apart."""
        elements = []
        for value in ticks(*self.y_range):
            y = self.y(value)
            elements.append(tag("line", class_="grid", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y))
            elements.append(tag("text", f"{value:g}", x=LEFT - 6, y=y + 4, text_anchor="end"))
        for value in ticks(*self.x_range, min_step=min_step):
            place = {"x": self.x(value), "y": HEIGHT - BOTTOM + 16}
            elements.append(tag("text", f"{value:g}", text_anchor="middle", **place))
        middle = (LEFT + WIDTH - RIGHT) / 2
        elements.append(tag("text", x_name, x=middle, y=HEIGHT - 6, text_anchor="middle"))
        turn = f"translate(12 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)"
        elements.append(tag("text", y_name, transform=turn, text_anchor="middle"))
        return elements


def ticks(low: float, high: float, min_step: float = 0.0) -> list[float]:
    """Returns about five round values from `low` to `high`, `min_step` or more apart."""
    exact = (high - low) / 5
    size = 10 ** math.floor(math.log10(exact))
    step = max(min_step, next(size * factor for factor in (1, 2, 5, 10) if size * factor >= exact))
    first = math.ceil(low / step - 1e-9)
    return [round(n * step, 10) for n in range(first, math.floor(high / step + 1e-9) + 1)]


def lines(
    title: str, series: Mapping[str, Sequence[float]], y_name: str, best_epoch: int, y_max: float
) -> Markup:
    """Returns curves over the epochs, each with its name at its end.

    Args:
        title: text alternative for screen readers.
        series: values by name; epochs count from 1.
        y_name: of the vertical axis.
        best_epoch: the epoch to mark.
        y_max: the highest value shown; higher ones are cut off.
    """
    axes = Axes((1, max(2, *map(len, series.values()))), (0, y_max))
    x = axes.x(best_epoch)
    elements = axes.draw("epoch", y_name, min_step=1.0)
    elements.append(tag("line", class_="mark", x1=x, x2=x, y1=TOP, y2=HEIGHT - BOTTOM))
    labels: list[float] = []
    for number, (name, values) in enumerate(series.items()):
        points = " ".join(
            f"{axes.x(epoch)},{axes.y(min(value, y_max))}" for epoch, value in enumerate(values, 1)
        )
        elements.append(tag("polyline", class_=f"line s{number}", points=points))
        label = label_y(axes.y(min(values[-1], y_max)), labels)
        labels.append(label)
        place = {"x": axes.x(len(values)) + 6, "y": round(label + 4, 1)}
        elements.append(tag("text", name, class_=f"name s{number}", **place))
    return _svg(title, elements)


def curve(
    title: str,
    points: Sequence[tuple[float, float]],
    axes: Axes,
    x_name: str,
    y_name: str,
    diagonal: bool = False,
) -> Markup:
    """Returns one curve.

    Args:
        title: text alternative for screen readers.
        points: x and y in order; those outside the axes are cut off.
        axes: of the chart.
        x_name: of the horizontal axis.
        y_name: of the vertical axis.
        diagonal: whether to draw the line on which x and y are equal.
    """
    elements = axes.draw(x_name, y_name)
    if diagonal:
        ends = {"x1": axes.x(0), "y1": axes.y(0), "x2": axes.x(1), "y2": axes.y(1)}
        elements.append(tag("line", class_="mark", **ends))
    (left, right), (low, high) = axes.x_range, axes.y_range
    inside = ((min(max(x, left), right), min(max(y, low), high)) for x, y in points)
    drawn = " ".join(f"{axes.x(x)},{axes.y(y)}" for x, y in inside)
    elements.append(tag("polyline", class_="line s0", points=drawn))
    return _svg(title, elements)


def label_y(y: float, others: Sequence[float]) -> float:
    """Returns the nearest place at or below `y` where a label covers no other label."""
    for other in sorted(others):
        if abs(y - other) < LINE_HEIGHT:
            y = other + LINE_HEIGHT
    return y


def reliability(bins: Sequence[tuple[float, float, int]]) -> Markup:
    """Returns the reliability diagram of bins: mean probability, accuracy, number of images."""
    axes = Axes((0, 1), (0, 1))
    elements = axes.draw("predicted probability", "accuracy")
    ends = {"x1": axes.x(0), "y1": axes.y(0), "x2": axes.x(1), "y2": axes.y(1)}
    elements.append(tag("line", class_="mark", **ends))
    largest = max((images for _, _, images in bins), default=1)
    for probability, accuracy, images in bins:
        radius = round(3 + 9 * math.sqrt(images / largest), 1)
        text = f"{count(images, 'image')}: probability {probability:.2f}, accuracy {accuracy:.2f}"
        place = {"cx": axes.x(probability), "cy": axes.y(accuracy), "r": radius}
        elements.append(tag("circle", tag("title", text), class_="dot", **place))
    return _svg("Accuracy by predicted probability", elements)


def _svg(title: str, elements: Sequence[Markup]) -> Markup:
    box = f"0 0 {WIDTH} {HEIGHT}"
    return tag("svg", tag("title", title), *elements, viewBox=box, role="img", class_="chart")
