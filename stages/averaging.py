"""Over which views of a picture its class probabilities are averaged."""

from dataclasses import dataclass

from stages import params

ITSELF = 0  # the picture unaltered; altered copies are numbered from 1
MIRRORED = -1  # left and right swapped, nothing else


@dataclass(frozen=True)
class Averaging:
    """The value of section `predict` that `extract` needs too."""

    average_views: int  # 1: itself; 2: and mirrored; more: and altered copies

    def __post_init__(self) -> None:
        average = self.average_views
        params.require(average >= 1, "predict.average_views", "1 or more", average)

    def numbers(self) -> list[int]:
        """Returns the numbers of the views, ITSELF first."""
        return [ITSELF, MIRRORED, *range(1, self.average_views - 1)][: self.average_views]
