"""Trains linear heads, and predicts each image with one that has not seen it."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

import numpy as np

from classifier.dataset.features import Array
from classifier.discriminant import Coordinates, Linear
from classifier.head import Branch, softmax
from stages.train import cross_validation, discriminant, logistic
from stages.train.cross_validation import Candidate, LinearModel, Samples
from stages.train.params import Params
from stages.train.plan import Plan
from stages.train.training import class_weights
from stages.train.training_loop import Examples

POWER = 0.5  # of the features: their square roots are closer to normal than they are
LayerSet = tuple[tuple[str, ...], np.ndarray | slice]  # names, and their feature columns
Fit = Callable[[Coordinates, Samples, Executor], LinearModel]
MODELS: dict[str, tuple[Fit, Sequence[float]]] = {
    "discriminant": (discriminant.Discriminant, discriminant.SHRINKAGES),
    "logistic": (logistic.Logistic, logistic.INVERSE_STRENGTHS),
}
HEADS = {  # the models whose probabilities are averaged
    "auto": ("discriminant",),
    "discriminant": ("discriminant",),
    "logistic": ("logistic",),
    "mean": ("discriminant", "logistic"),
}


@dataclass(frozen=True)
class LinearHead:
    """A calibrated linear head, and one without each fold.

    Attributes:
        model: one of MODELS.
        layer_set: of InceptionV3 whose features it uses.
        strength: how much it is regularized.
        factor: on its logits, so that its probabilities are as high as they are right.
        branch: fitted to all training images.
        fold_branches: by fold; each was fitted and chosen without the fold's images.
    """

    model: str
    layer_set: LayerSet
    strength: float
    factor: float
    branch: Branch
    fold_branches: dict[int, Branch]


def train(
    name: str,
    features: Array,
    samples: Samples,
    layer_sets: Sequence[LayerSet],
    pool: Executor,
    strengths: Sequence[float] = (),
) -> LinearHead:
    """Returns the head whose layers and strength give the lowest log loss.

    Args:
        name: one of MODELS.
        features: float (R, D).
        samples: images to learn from.
        layer_sets: to choose from.
        pool: threads; each computes on one core, so that their number changes no bit.
        strengths: to choose from, ascending; by default those of the model.
    """
    fit, usual = MODELS[name]
    strengths = strengths or usual
    candidates: list[Candidate] = []
    sets: dict[int, LayerSet] = {}
    for layer_set in layer_sets:
        model = fit(_coordinates(features, samples, layer_set), samples, pool)
        sets[id(model)] = layer_set
        start = len(strengths) * 2 // 3  # the best is usually about there
        candidates += cross_validation.search(model, strengths, start, samples, pool)
    choice = cross_validation.choose(candidates, samples, samples.trains)
    best, model = choice.candidate, choice.candidate.model
    branch = make_branch(model.coordinates, model.fit(0, best.strength), choice.factor)
    return LinearHead(
        model=name,
        layer_set=sets[id(model)],
        strength=best.strength,
        factor=choice.factor,
        branch=branch,
        fold_branches=_fold_branches(candidates, samples, pool),
    )


def _coordinates(features: Array, samples: Samples, layer_set: LayerSet) -> Coordinates:
    rows = samples.rows[samples.trains].ravel()
    return Coordinates.of(features, rows, layer_set[1], POWER)


def _fold_branches(
    candidates: Sequence[Candidate], samples: Samples, pool: Executor
) -> dict[int, Branch]:
    """Returns, by fold, the candidate that is best on the other folds' images."""
    folds = samples.fold_numbers

    def branch(number: int) -> Branch:
        others = samples.trains & (samples.folds != folds[number])
        choice = cross_validation.choose(candidates, samples, others)
        best = choice.candidate
        return make_branch(best.model.coordinates, best.fold_layers[number], choice.factor)

    return dict(zip(folds, pool.map(branch, range(len(folds))), strict=True))


def make_branch(coordinates: Coordinates, layer: Linear, factor: float) -> Branch:
    """Returns the branch of a layer on coordinates, its logits multiplied by a factor."""
    kernel, bias = coordinates.on_features(layer)
    return Branch(coordinates.power, ((kernel * factor, bias * factor, "softmax"),))


@dataclass(frozen=True)
class TrainedHeads:
    """The heads whose probabilities are averaged.

    Attributes:
        final: to predict new images with.
        rounds: by round, the branches to predict the images with that validate in it.
        random_correct: bool (N,), whether each image is predicted right with folds that tear
            groups apart; (0,) without groups.
    """

    final: list[LinearHead]
    rounds: dict[int, tuple[Branch, ...]]
    random_correct: np.ndarray


def train_and_validate(
    examples: Examples,
    plan: Plan,
    settings: Params,
    layer_sets: Sequence[LayerSet],
    n_classes: int,
    pool: Executor,
) -> TrainedHeads:
    """Returns the heads that `settings` ask for.

    Where validation images are held out, layers and strength are chosen on the others.

    Args:
        examples: all images.
        plan: which of them train and validate.
        settings: section `train`.
        layer_sets: to choose from.
        n_classes: C.
        pool: threads; each computes on one core.
    """
    weights = class_weights(examples.labels, settings.class_weight) or {}
    factors = np.array([weights.get(label, 1.0) for label in range(n_classes)])
    samples = Samples(examples.views, examples.labels, plan.folds, plan.trains, factors)
    chosen = samples if plan.cross_validated else samples.subset(plan.rounds == 0)
    heads = [
        train(name, examples.features, chosen, layer_sets, pool) for name in HEADS[settings.head]
    ]
    if plan.cross_validated:
        rounds = {n: tuple(head.fold_branches[n] for head in heads) for n in heads[0].fold_branches}
        return TrainedHeads(heads, rounds, _random_correct(examples, samples, plan, heads, pool))
    rounds = {1: tuple(head.branch for head in heads)}
    if settings.refit:
        heads = [_refit(examples.features, samples, head, pool) for head in heads]
    return TrainedHeads(heads, rounds, np.zeros(0, bool))


def _refit(features: Array, samples: Samples, head: LinearHead, pool: Executor) -> LinearHead:
    """Returns the same kind of head, fitted to all training images."""
    coordinates = _coordinates(features, samples, head.layer_set)
    model = MODELS[head.model][0](coordinates, samples, pool)
    return replace(head, branch=make_branch(coordinates, model.fit(0, head.strength), head.factor))


def _random_correct(
    examples: Examples, samples: Samples, plan: Plan, heads: Sequence[LinearHead], pool: Executor
) -> np.ndarray:
    """Returns which images are predicted right with folds that tear groups apart."""
    if not len(plan.random_folds):
        return np.zeros(0, bool)
    torn = replace(samples, folds=plan.random_folds)
    probabilities = np.zeros((len(samples.labels), len(samples.class_weights)))
    for head in heads:
        coordinates = _coordinates(examples.features, torn, head.layer_set)
        model = MODELS[head.model][0](coordinates, torn, pool)
        candidate = cross_validation.evaluate(model, torn, head.strength, pool)
        probabilities += softmax(head.factor * candidate.logits)
    return np.asarray(probabilities.argmax(axis=1) == samples.labels)
