"""What training a head results in."""

from dataclasses import dataclass, field
from pathlib import Path

from classifier.head import Head, HeadInfo, TrainedLayers
from classifier.inference import openvino_engine
from stages.train.training_loop import History


@dataclass(frozen=True)
class Outcome:
    """A trained head.

    Attributes:
        final: to predict new images with.
        rounds: trained without the images that validate in a round, by its number.
        kind: see `HeadInfo.head`.
        layers: of InceptionV3 whose features are used.
        strength: of each model.
        history: of the first round of a dense head.
        fine_tuned: number of its epochs in which the upper blocks learned too.
    """

    final: TrainedLayers
    rounds: dict[int, TrainedLayers]
    kind: str
    layers: tuple[str, ...]
    strength: tuple[float, ...] = ()
    history: History = field(default_factory=dict)
    fine_tuned: int = 0


def make_heads(outcome: Outcome, info: HeadInfo, folder: Path) -> dict[int, Head]:
    """Returns the heads by round; 0: the final one.

    Args:
        outcome: of training.
        info: what the heads were trained on.
        folder: for their networks, each of which is written once.
    """
    heads = dict[int, Head]()
    written = dict[int, Path | None]()
    for number, trained in {0: outcome.final, **outcome.rounds}.items():
        path = folder / f"{number}.xml" if trained.network else None
        if path and id(trained.network) not in written:
            openvino_engine.write(trained.network, path)
        heads[number] = Head(info, trained.branches, written.setdefault(id(trained.network), path))
    return heads
