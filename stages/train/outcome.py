"""What training a head results in."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from classifier import temperature
from classifier.dataset.features import FeatureTable
from classifier.head import Branch, Head, HeadInfo, TrainedLayers, softmax
from classifier.inference import openvino_engine
from stages.train.plan import Plan
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


def predict_rounds(
    heads: Mapping[int, Head], plan: Plan, table: FeatureTable, rows: np.ndarray
) -> np.ndarray:
    """Returns the probabilities of each image that validates, float64 (N, C); NaN for others.

    Args:
        heads: by round.
        plan: of N images.
        table: features.
        rows: int (N, A), rows of the views over which predictions are averaged.
    """
    probabilities = np.full((len(rows), len(table.class_names)), np.nan)
    for number in heads.keys() - {0}:
        images = plan.rounds == number
        probabilities[images], _ = heads[number].predict(table, rows[images])
    return probabilities


def calibrate_rounds(
    outcome: Outcome, plan: Plan, probabilities: np.ndarray, labels: np.ndarray
) -> tuple[Outcome, np.ndarray]:
    """Returns the outcome and the probabilities with logits scaled to the lowest log loss.

    Those of a round are scaled by a factor that fits the images of the other rounds.

    Args:
        outcome: of training.
        plan: of N images, each of which validates.
        probabilities: float (N, C), out of fold.
        labels: int (N,).
    """
    logits = np.log(np.maximum(probabilities, 1e-30))
    calibrated = np.empty_like(probabilities)
    for number in outcome.rounds:
        others, own = plan.trains & (plan.rounds != number), plan.rounds == number
        factor = temperature.fit(logits[others], labels[others], np.ones(others.sum()))
        calibrated[own] = softmax(factor * logits[own])
    factor = temperature.fit(
        logits[plan.trains], labels[plan.trains], np.ones(int(plan.trains.sum()))
    )
    branches = tuple(_scaled(branch, factor) for branch in outcome.final.branches)
    return replace(outcome, final=replace(outcome.final, branches=branches)), calibrated


def _scaled(branch: Branch, factor: float) -> Branch:
    *below, (kernel, bias, activation) = branch.layers
    return replace(branch, layers=(*below, (kernel * factor, bias * factor, activation)))
