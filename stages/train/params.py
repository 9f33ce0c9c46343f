"""Section `train` of params.yaml."""

from dataclasses import dataclass
from typing import Annotated, Literal

from classifier.common.errors import StageError
from classifier.common.params import NonNegativeInt, PositiveFloat, PositiveInt, Range, Seed
from stages.train.optimizers import Optimizer

Fraction = Annotated[float, Range(0, 1, below=True)]
InnerFraction = Annotated[float, Range(0, 1, above=True, below=True)]


@dataclass(frozen=True)
class Params:
    """Section `train` of params.yaml."""

    hidden_units: NonNegativeInt  # 0: no hidden layer
    dropout: Fraction  # fraction of the hidden units dropped in training
    optimizer: Optimizer
    learning_rate: PositiveFloat
    batch_size: NonNegativeInt  # images per step; 0: a twentieth of the training images, 32 to 256
    epochs: PositiveInt  # at most
    patience: PositiveInt  # epochs without a lower validation loss before training stops
    class_weight: Literal["none", "balanced"]  # balanced: images of rare classes count more
    validation_split: InnerFraction  # fraction of each class; not used with input/validation
    refit: bool  # train again on all images, once the number of epochs is known
    seed: Seed  # of the split, the initial weights, the order and the dropout
    fine_tune_epochs: NonNegativeInt  # at most; the blocks above the last frozen layer learn too
    fine_tune_optimizer: Optimizer
    fine_tune_learning_rate: PositiveFloat
    fine_tune_momentum: Fraction  # of sgd
    fine_tune_batch_size: PositiveInt  # images per step
    fine_tune_patience: PositiveInt  # epochs without a lower validation loss before training stops


def require_maps(settings: Params, pooling: str) -> None:
    """Raises a StageError if fine-tuning lacks the feature maps that it needs."""
    if settings.fine_tune_epochs and pooling == "avg":
        raise StageError(
            "params.yaml: train.fine_tune_epochs must be 0 where freeze.pooling is avg; got "
            f"{settings.fine_tune_epochs}: set it to 0, or freeze.pooling to none"
        )
