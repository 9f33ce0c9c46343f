"""Trains linear heads, and predicts each image with one that has not seen it."""

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import repeat
from typing import cast

import numpy as np

from classifier.common.disk_array import Rows
from classifier.dataset import orders
from classifier.dataset.features import Array, FeatureTable
from classifier.discriminant import POWER, Coordinates, Linear
from classifier.head import Branch
from stages.train import blocks, cross_validation, discriminant, learning_curve, logistic
from stages.train.cross_validation import JUDGES, Candidate, LinearModel, Samples
from stages.train.discriminant import Discriminant
from stages.train.learning_curve import LearningCurve
from stages.train.logistic import Logistic
from stages.train.params import Layers, Params, require_layers
from stages.train.plan import Plan
from stages.train.training import class_weights

LayerSet = tuple[tuple[str, ...], np.ndarray | slice]  # names, and their feature columns
MODELS = {  # of each head; their logits are averaged
    "discriminant": ("discriminant",),
    "logistic": ("logistic",),
    "mean": ("discriminant", "logistic"),
}
AUTO_IMAGES = 4000  # up to which `auto` is `mean`: it takes longer and holds features by fold
AUTO_PER_CLASS = 15  # images, from which on it is: logistic regression is worse with fewer


@dataclass(frozen=True)
class LinearHead:
    """A calibrated linear head, and one without each fold.

    Attributes:
        model: `discriminant` or `logistic`.
        layer_set: of InceptionV3 whose features it uses.
        coordinates: of these features.
        strength: how much it is regularized.
        shrinkage: of the covariance.
        factor: on its logits, so that its probabilities are as high as they are right.
        branch: fitted to all training images.
        fold_branches: by fold; each was fitted and chosen without the fold's images.
    """

    model: str
    layer_set: LayerSet
    coordinates: Coordinates
    strength: float
    shrinkage: float
    factor: float
    branch: Branch
    fold_branches: dict[int, Branch]


def train(
    names: Sequence[str],
    features: Array,
    samples: Samples,
    layer_sets: Sequence[LayerSet],
    pool: Executor,
    shrinkages: Sequence[float] = discriminant.SHRINKAGES,
) -> list[LinearHead]:
    """Returns the heads whose layers and strength give the lowest log loss.

    Layers and shrinkage are those of the best discriminant, whatever the model.

    Args:
        names: of the models, `discriminant` or `logistic`.
        features: float (R, D).
        samples: images to learn from.
        layer_sets: to choose from.
        pool: threads; each computes on one core, so that their number changes no bit.
        shrinkages: of discriminants, to choose from, ascending.
    """
    judges = samples.judges
    candidates: list[Candidate] = []
    sets: dict[int, LayerSet] = {}
    for layer_set in layer_sets:
        model = Discriminant(_coordinates(features, samples, layer_set), samples, pool)
        sets[id(model.coordinates)] = layer_set
        start = len(shrinkages) * 2 // 3  # the best is usually about there
        candidates += cross_validation.search(model, shrinkages, start, judges, pool)
    best = cross_validation.choose(candidates, judges, judges.trains).candidate
    tried = {Discriminant.name: candidates}
    if Logistic.name in names:
        logistics = Logistic(cast(Discriminant, best.model), best.strength, samples)
        start = len(logistic.STRENGTHS) // 2
        tried[Logistic.name] = cross_validation.search(
            logistics, logistic.STRENGTHS, start, judges, pool
        )

    def head(name: str) -> LinearHead:
        choice = cross_validation.choose(tried[name], judges, judges.trains)
        chosen, strength = choice.candidate.model, choice.candidate.strength
        factor = choice.factor * chosen.growth(len(samples.fold_numbers))
        layer = pool.submit(chosen.fit, 0, strength)
        fold_branches = _fold_branches(tried[name], judges, pool)
        return LinearHead(
            model=name,
            layer_set=sets[id(chosen.coordinates)],
            coordinates=chosen.coordinates,
            strength=strength,
            shrinkage=best.strength,
            factor=factor,
            branch=make_branch(chosen.coordinates, layer.result(), factor),
            fold_branches=fold_branches,
        )

    with ThreadPoolExecutor(len(names)) as beside:  # they wait for the pool
        return list(beside.map(head, names))


def layer_sets(table: FeatureTable, wanted: Layers) -> list[LayerSet]:
    """Returns the layers to choose from: those that are wanted, or each alone and all together.

    Args:
        table: features.
        wanted: train.layers.

    Raises:
        StageError: layers are wanted that the features do not have.
    """
    names = table.layers.tolist()
    if len(names) == 1 and wanted in ("auto", names):
        return [((names[0],), slice(None))]
    if wanted == "auto":
        single = [((name,), table.layer_columns([name])) for name in names]
        return [*single, (tuple(names), slice(None))]
    require_layers(wanted, names)
    chosen = tuple(name for name in names if name in wanted)
    return [(chosen, table.layer_columns(chosen))]


def _coordinates(features: Array, samples: Samples, layer_set: LayerSet) -> Coordinates:
    count = int(np.count_nonzero(samples.trains))
    some = orders.true_places(samples.trains, max(1, -(-count // JUDGES)))  # enough for a mean
    return Coordinates.of(features, samples.rows[some].ravel(), layer_set[1], POWER)


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


def mean_branch(branches: Iterable[Branch]) -> Branch:
    """Returns the branch whose logits are the mean of those of some linear branches.

    It is one layer too, and on nine datasets it was a little better than a mean of probabilities.
    """
    powers, layers = zip(*((one.power, one.layers[0]) for one in branches), strict=True)
    kernels, biases, activations = zip(*layers, strict=True)
    layer = np.mean(kernels, axis=0), np.mean(biases, axis=0), activations[0]
    return Branch(powers[0], (layer,))


@dataclass(frozen=True)
class TrainedHeads:
    """The heads whose logits are averaged.

    Attributes:
        parts: the heads of single models.
        final: to predict new images with.
        rounds: by round, the branch to predict the images with that validate in it.
        random_correct: bool (N,), whether each image is predicted right with folds that tear
            groups apart; (0,) without groups.
        curve: from fewer images.
    """

    parts: list[LinearHead]
    final: Branch
    rounds: dict[int, Branch]
    random_correct: np.ndarray
    curve: LearningCurve


def train_and_validate(
    features: Array,
    rows: Rows,
    labels: Rows,
    plan: Plan,
    settings: Params,
    layer_sets: Sequence[LayerSet],
    n_classes: int,
    pool: Executor,
) -> TrainedHeads:
    """Returns the heads that `settings` ask for.

    Where validation images are held out, layers and strength are chosen on the others.

    Args:
        features: float (R, D).
        rows: int (N, V), of the views of each image.
        labels: int (N,).
        plan: which of them train and validate.
        settings: section `train`.
        layer_sets: to choose from.
        n_classes: C.
        pool: threads; each computes on one core.
    """
    weights = class_weights(labels, settings.class_weight) or {}
    factors = np.array([weights.get(label, 1.0) for label in range(n_classes)])
    samples = Samples(rows, labels, plan.folds, plan.trains, factors)
    chosen = samples if plan.cross_validated else samples.subset(plan.rounds == 0)
    kind: str = settings.head
    if kind == "auto":
        kind = auto_head(len(labels), n_classes)
    if Logistic.name in MODELS[kind]:
        logistic.require_memory(chosen, features.shape[1], settings.head)
    random_correct = np.zeros(0, bool)
    with ThreadPoolExecutor(1) as beside:  # the pool computes for one while the other waits
        draw_curve = partial(_learning_curve, features, samples, plan, settings, pool)
        at_once = len(layer_sets) == 1 and len(labels) <= JUDGES  # else it takes memory
        early = beside.submit(draw_curve, layer_sets[0]) if at_once else None
        heads = train(MODELS[kind], features, chosen, layer_sets, pool)
        curve = early or beside.submit(draw_curve, heads[0].layer_set)
        if plan.cross_validated:
            folds = heads[0].fold_branches
            rounds = {n: mean_branch(head.fold_branches[n] for head in heads) for n in folds}
            random_correct = _random_correct(samples, plan, heads, pool)
        else:
            rounds = {1: mean_branch(head.branch for head in heads)}
            if settings.refit:
                heads = _refit(features, samples, heads, pool)
    final = mean_branch(head.branch for head in heads)
    return TrainedHeads(heads, final, rounds, random_correct, curve.result())


def auto_head(n_images: int, n_classes: int) -> str:
    """Returns the head that `auto` is, one of MODELS."""
    return "mean" if AUTO_PER_CLASS * n_classes <= n_images <= AUTO_IMAGES else "discriminant"


def _learning_curve(
    features: Array,
    samples: Samples,
    plan: Plan,
    settings: Params,
    pool: Executor,
    layer_set: LayerSet,
) -> LearningCurve:
    """Returns the learning curve of the images that validate, on some layers."""
    if not settings.learning_curve:
        return learning_curve.NONE
    rounds = replace(samples, folds=plan.rounds)
    return learning_curve.measure(features, rounds, layer_set[1], POWER, plan.parts, pool)


def _refit(
    features: Array, samples: Samples, heads: Sequence[LinearHead], pool: Executor
) -> list[LinearHead]:
    """Returns the same kinds of heads, fitted to all training images."""
    coordinates = _coordinates(features, samples, heads[0].layer_set)
    models = _models(coordinates, samples, heads, pool)
    layers = [model.fit(0, head.strength) for model, head in zip(models, heads, strict=True)]
    branches = map(make_branch, repeat(coordinates), layers, (head.factor for head in heads))
    return [replace(head, branch=branch) for head, branch in zip(heads, branches, strict=True)]


def _models(
    coordinates: Coordinates, samples: Samples, heads: Sequence[LinearHead], pool: Executor
) -> list[LinearModel]:
    """Returns what fits the same kinds of heads, all on the same coordinates."""
    model = Discriminant(coordinates, samples, pool)
    return [
        model if head.model == model.name else Logistic(model, head.shrinkage, samples)
        for head in heads
    ]


def _random_correct(
    samples: Samples, plan: Plan, heads: Sequence[LinearHead], pool: Executor
) -> np.ndarray:
    """Returns which images are predicted right with folds that tear groups apart."""
    if not len(plan.random_folds):
        return np.zeros(0, bool)
    torn = replace(samples, folds=plan.random_folds)
    coordinates, folds = heads[0].coordinates, torn.fold_numbers
    models = _models(coordinates, torn, heads, pool)

    def fit(fold: int) -> Linear:
        layers = [model.fit(fold, head.strength) for model, head in zip(models, heads, strict=True)]
        kernels, biases = zip(*layers, strict=True)
        factors = [head.factor for head in heads]
        return np.tensordot(factors, kernels, 1), np.tensordot(factors, biases, 1)

    layers = dict(zip(folds, pool.map(fit, folds), strict=True))

    def hits(part: tuple[int, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        fold, images = part
        logits = coordinates.logits(torn.rows[images][:, 0], layers[fold])
        return images, logits.argmax(axis=1) == torn.labels[images]

    correct = np.zeros(len(torn.labels), bool)
    for images, right in blocks.ordered_map(pool, hits, blocks.by_group(torn.folds)):
        correct[images] = right
    return correct
