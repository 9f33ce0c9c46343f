"""The trained network and head, as the project has them or as they were exported."""

import hashlib
from pathlib import Path
from typing import Protocol

import numpy as np

from classifier import exported, head, heat_maps
from classifier.cache import fingerprint
from classifier.common import params
from classifier.common.errors import StageError
from classifier.dataset import features
from classifier.evaluation.predictions import Decision, Params
from classifier.head import HeadInfo
from classifier.heat_maps import Explainer
from classifier.images.limits import Limits
from classifier.inference import base, engine
from classifier.inference.openvino_engine import OpenvinoEngine

PROJECT = (base.FOLDER, head.FOLDER)
LIMITS = Limits(max_megapixels=150, max_megabytes=1000, decode_timeout=60)  # without a project


class Model(Protocol):
    """From pixels to predictions, in two steps: what the first returns can be cached.

    Attributes:
        info: on the head: class names in the order of the probabilities, ...
        image_size: height and width of the pixels.
        top_k: classes to list for an image.
        decision: which images are predicted to be of no class.
        fingerprint: of all that the features depend on besides the image.
        feature_shape: of one image.
        dtype: of the features.
        note: what the network is, for people to read.
        concurrency: number of threads that should call `features` at the same time.
    """

    info: HeadInfo
    image_size: tuple[int, int]
    top_k: int
    decision: Decision
    fingerprint: str
    feature_shape: tuple[int, ...]
    dtype: str
    note: str
    concurrency: int

    def features(self, pixels: np.ndarray) -> np.ndarray:
        """Returns the features (N, *feature_shape) of uint8 pixels (N, H, W, 3)."""

    def outputs(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns probabilities (N, C) and novelty (N,), both float64, for features."""

    def explainer(self) -> Explainer | None:
        """Returns what makes heat maps; None if the model has no maps to make them of."""


def load(folder: Path | None) -> Model:
    """Returns the exported model in a folder; None: that of the project."""
    return ExportedModel(folder) if folder else ProjectModel()


def paths(folder: Path | None) -> tuple[Path, ...]:
    """Returns what `load` reads, and the features that similar images are found by."""
    return (folder,) if folder else (*PROJECT, features.TRAIN, params.PATH)


def limits(folder: Path | None) -> Limits:
    """Returns the limits on each image: those of params.yaml in a project."""
    return LIMITS if folder else params.load("validate", Limits, partial=True)


class ProjectModel:
    """The frozen network and the head, as `dvc repro` wrote them to models/; see `Model`.

    All of it is in memory, so it stays the same when the files are replaced. NumPy's matrix
    products take one thread from then on, in the whole process.

    Raises:
        StageError: a model is missing, or the head was trained on other features.
    """

    def __init__(self) -> None:
        from threadpoolctl import threadpool_limits

        # after each product OpenBLAS's threads spin for long: beside the network, which has all
        # cores, that doubles the time of an image
        threadpool_limits(1, "blas")
        infos = (base.FOLDER / base.INFO, head.FOLDER / head.INFO)
        if missing := [path.as_posix() for path in infos if not path.exists()]:
            raise StageError(
                f"{' and '.join(missing)}: there is no trained classifier here; run `dvc repro`, "
                "or `dvc pull` to get one from the DVC remote"
            )
        settings, network = params.load("predict", Params), base.read_info(base.FOLDER)
        self._head, runtime = head.read(head.FOLDER), engine.runtime(network.engine)
        self.info, self.note = self._head.info, f"{network}, {runtime}"
        self.image_size = network.image_height, network.image_width
        self.feature_shape, self.dtype = network.feature_shape, network.dtype
        self.fingerprint = fingerprint.of_features(base.files_hash(base.FOLDER), runtime)
        if self.info.fingerprint != self.fingerprint:
            raise StageError(
                f"{head.FOLDER.as_posix()}: was trained on features of another network than "
                f"{base.FOLDER.as_posix()}, or with other library versions; run `dvc repro`"
            )
        self.top_k = settings.top_k
        threshold = self._head.novelty_threshold(settings.keep)
        self.decision = Decision(threshold, settings.min_probability)
        self._engine = engine.load(base.FOLDER)
        self.concurrency, self.features = self._engine.concurrency, self._engine.features
        blank = np.zeros((1, *self.feature_shape), self.dtype)
        self.outputs = self._head.outputs
        self.outputs(blank)  # loads fine-tuned blocks, which come from a file

    def explainer(self) -> Explainer:
        """Returns what makes heat maps."""
        return heat_maps.load(self._head)


class FrozenNetwork:
    """The network without a head: its features tell all, its predictions nothing; see `Model`.

    Args:
        grey_ranges: black and white of 16- and 32-bit images, as `conversion.all_ranges`.

    Raises:
        StageError: there is no network yet.
    """

    top_k, decision = 0, Decision(np.inf, 0.0)

    def __init__(self, grey_ranges: str) -> None:
        if not (base.FOLDER / base.INFO).exists():
            raise StageError(
                f"{base.FOLDER.as_posix()}: there is no network yet; run `dvc repro freeze`"
            )
        network = base.read_info(base.FOLDER)
        runtime = engine.runtime(network.engine)
        self.note = f"{network}, {runtime}"
        self.image_size = network.image_height, network.image_width
        self.feature_shape, self.dtype = network.feature_shape, network.dtype
        self.fingerprint = fingerprint.of_features(base.files_hash(base.FOLDER), runtime)
        self.info = HeadInfo((), network.weights, self.fingerprint, 0, (0,), "", grey_ranges)
        self._engine = engine.load(base.FOLDER)
        self.concurrency, self.features = self._engine.concurrency, self._engine.features

    def outputs(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns no probabilities, (N, 0), and no novelty, NaN (N,)."""
        return np.zeros((len(features), 0)), np.full(len(features), np.nan)

    def explainer(self) -> None:
        """Returns None: it has no classes to explain."""


class ExportedModel:
    """The OpenVINO model that stage `export` wrote; see `Model`.

    Its "features" are its outputs: the probabilities, and the novelty if it has that.

    Args:
        folder: models/exported, or a copy of it.
    """

    dtype = "float32"

    def __init__(self, folder: Path) -> None:
        values, network = exported.read_info(folder), folder / exported.NETWORK
        self.info = values.head
        self.image_size = values.image_height, values.image_width
        self.top_k = values.top_k
        threshold = np.inf if values.threshold is None else values.threshold
        self.decision = Decision(threshold, values.min_probability)
        self._engine = OpenvinoEngine(network)
        self.concurrency, self.features = self._engine.concurrency, self._engine.features
        blank = np.zeros((1, *self.image_size, 3), np.uint8)
        self.feature_shape = self.features(blank).shape[1:]
        runtime, digest = engine.runtime("openvino"), hashlib.sha256()
        for path in (network, network.with_suffix(".bin")):
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        self.fingerprint = fingerprint.of_features(digest.hexdigest(), runtime)
        self.note = f"exported classifier, {runtime}"

    def outputs(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns probabilities (N, C) and novelty (N,); NaN if not known."""
        values, classes = features.astype(np.float64), len(self.info.class_names)
        unknown = np.full(len(values), np.nan)
        return values[:, :classes], values[:, classes] if values.shape[1] > classes else unknown

    def explainer(self) -> None:
        """Returns None: its head is part of the network."""
