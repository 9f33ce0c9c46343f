"""Points of classes that lie apart, as features of images would."""

import numpy as np

from classifier.labelling.learner import Labels


def blobs(n_classes: int = 4, each: int = 30, spread: float = 0.6) -> tuple[np.ndarray, np.ndarray]:
    """Returns points, float32 (N, 32), and their classes, int (N,)."""
    rng = np.random.default_rng(3)
    classes = np.arange(n_classes * each) % n_classes
    centres = rng.normal(size=(n_classes, 32))
    points = centres[classes] + spread * rng.normal(size=(len(classes), 32))
    return points.astype(np.float32), classes


def labels_of(classes: np.ndarray, images: np.ndarray) -> Labels:
    """Returns the labels of some images."""
    known, numbers = np.unique(classes[images], return_inverse=True)
    return Labels(images, numbers, len(known))
