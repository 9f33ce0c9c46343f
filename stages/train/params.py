"""Section `train` of params.yaml."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from classifier.common import params
from classifier.common.errors import StageError, collected
from classifier.common.params import (
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Range,
    Seed,
    suggest,
)
from classifier.dataset.folders import nfc
from classifier.inference.base import LayerName
from stages.train.optimizers import Optimizer

Fraction = Annotated[float, Range(0, 1, below=True)]
InnerFraction = Annotated[float, Range(0, 1, above=True, below=True)]
ClassWeight = Literal["none", "balanced"] | dict[Any, PositiveFloat]  # weights by class


Layers = Literal["auto"] | list[LayerName]


@dataclass(frozen=True)
class Params:
    """Section `train` of params.yaml."""

    head: Literal["auto", "logistic", "discriminant", "mean", "dense"]
    most: NonNegativeInt  # images to use, those of input/validation aside; 0: all
    layers: Layers  # of freeze.layers; auto: each alone and all are tried
    folds: NonNegativeInt  # of cross-validation, 2 or more; 0: hold out validation_split
    learning_curve: bool  # measure the accuracy from fewer images too
    class_weight: ClassWeight  # balanced: images of rare classes count more
    validation_split: (
        InnerFraction  # fraction of each class; not used with folds or input/validation
    )
    refit: bool  # with held-out images: train again on all, as it was best
    seed: Seed  # of folds; of a dense head also of initial weights, order and dropout
    hidden_units: NonNegativeInt  # 0: no hidden layer
    dropout: Fraction  # fraction of the hidden units dropped in training
    optimizer: Optimizer
    learning_rate: PositiveFloat
    batch_size: NonNegativeInt  # images per step; 0: a twentieth of the training images, 32 to 256
    epochs: PositiveInt  # at most
    patience: PositiveInt  # epochs without a lower validation loss before training stops
    fine_tune_epochs: NonNegativeInt  # at most; the blocks above the last frozen layer learn too
    fine_tune_optimizer: Optimizer
    fine_tune_learning_rate: PositiveFloat
    fine_tune_momentum: Fraction  # of sgd
    fine_tune_batch_size: PositiveInt  # images per step
    fine_tune_patience: PositiveInt  # epochs without a lower validation loss before training stops

    def __post_init__(self) -> None:
        errors: list[str] = []
        with collected(errors):
            params.require(self.folds != 1, "train.folds", "0, or 2 or more", self.folds)
        with collected(errors):
            rule = "auto or dense where train.fine_tune_epochs is more than 0"
            possible = not self.fine_tune_epochs or self.head in ("auto", "dense")
            params.require(possible, "train.head", rule, self.head)
        with collected(errors):
            rule = "auto with a dense head, which uses all layers; else auto or a list of layers"
            possible = self.layers == "auto" or bool(self.layers and not self.dense)
            params.require(possible, "train.layers", rule, self.layers)
        if errors:
            raise StageError(*errors)

    @property
    def dense(self) -> bool:
        """Returns whether the head is trained by gradient descent."""
        return self.head == "dense" or self.fine_tune_epochs > 0


def weights_by_index(class_weight: ClassWeight, class_names: Sequence[str]) -> ClassWeight:
    """Returns `class_weight` with the index of each class in `class_names` for its name.

    Raises:
        StageError: a class does not exist.
    """
    if isinstance(class_weight, str):
        return class_weight
    index = {nfc(name): number for number, name in enumerate(class_names)}
    names = {nfc(str(name)): weight for name, weight in class_weight.items()}
    errors = [
        f"params.yaml: train.class_weight has no class {suggest(name, class_names)}"
        for name in names
        if name not in index
    ]
    if errors:
        raise StageError(*errors)
    return {index[name]: weight for name, weight in names.items()}


def require_layers(layers: Layers, frozen: Sequence[str]) -> None:
    """Raises a StageError if layers are wanted whose features are not computed."""
    if layers != "auto" and not set(layers) <= set(frozen):
        raise StageError(
            f"params.yaml: train.layers must be auto or a list of some of freeze.layers "
            f"({', '.join(frozen)}); got {layers!r}: add the others to freeze.layers"
        )


def require_maps(settings: Params, pooling: str) -> None:
    """Raises a StageError if fine-tuning lacks the feature maps that it needs."""
    if settings.fine_tune_epochs and pooling == "avg":
        raise StageError(
            "params.yaml: train.fine_tune_epochs must be 0 where freeze.pooling is avg; got "
            f"{settings.fine_tune_epochs}: set it to 0, or freeze.pooling to none"
        )
