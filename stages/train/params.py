"""Section `train` of params.yaml."""

from dataclasses import dataclass
from typing import Literal

from classifier.common import params
from stages.train.optimizers import Optimizer


@dataclass(frozen=True)
class Params:
    """Section `train` of params.yaml."""

    hidden_units: int  # 0: no hidden layer
    dropout: float  # fraction of the hidden units dropped in training
    optimizer: Optimizer
    learning_rate: float
    batch_size: int  # images per step; 0: a twentieth of the training images, 32 to 256
    epochs: int  # at most
    patience: int  # epochs without a lower validation loss before training stops
    class_weight: Literal["none", "balanced"]  # balanced: images of rare classes count more
    validation_split: float  # fraction of each class; not used with input/validation
    refit: bool  # train again on all images, once the number of epochs is known
    seed: int  # of the split, the initial weights, the order and the dropout
    fine_tune_epochs: int  # at most, in which the blocks above the last frozen layer learn too
    fine_tune_optimizer: Optimizer
    fine_tune_learning_rate: float
    fine_tune_momentum: float  # of sgd
    fine_tune_batch_size: int  # images per step
    fine_tune_patience: int  # epochs without a lower validation loss before training stops

    def __post_init__(self) -> None:
        for name, holds, rule in (
            ("hidden_units", self.hidden_units >= 0, "0 or more"),
            ("dropout", 0 <= self.dropout < 1, "0 or more and less than 1"),
            ("learning_rate", self.learning_rate > 0, "more than 0"),
            ("batch_size", self.batch_size >= 0, "0 or more"),
            ("epochs", self.epochs >= 1, "1 or more"),
            ("patience", self.patience >= 1, "1 or more"),
            ("validation_split", 0 < self.validation_split < 1, "more than 0 and less than 1"),
            ("seed", 0 <= self.seed < 2**32, "0 to 4294967295"),
            ("fine_tune_epochs", self.fine_tune_epochs >= 0, "0 or more"),
            ("fine_tune_learning_rate", self.fine_tune_learning_rate > 0, "more than 0"),
            ("fine_tune_momentum", 0 <= self.fine_tune_momentum < 1, "0 or more and less than 1"),
            ("fine_tune_batch_size", self.fine_tune_batch_size >= 1, "1 or more"),
            ("fine_tune_patience", self.fine_tune_patience >= 1, "1 or more"),
        ):
            params.require(holds, f"train.{name}", rule, getattr(self, name))
