"""A thread that learns from the labels that there are, each time that some are new."""

import sys
import threading
import traceback
from dataclasses import dataclass

import numpy as np

from classifier.labelling import estimates, learner, selection
from classifier.labelling.estimates import Point
from classifier.labelling.labelled_images import LabelledImages
from classifier.labelling.learner import Labels
from classifier.labelling.selection import BATCH, Pool

SEED = 1


@dataclass(frozen=True)
class Learned:
    """What the labels have taught.

    Attributes:
        names: of the classes.
        probabilities: float32 (N, C).
        found: the accuracy by number of labels, drawn from those that there are.
        batch: images to label next, the first first.
    """

    names: list[str]
    probabilities: np.ndarray
    found: list[Point]
    batch: list[int]


class Learning:
    """What was learned last, and the thread.

    Attributes:
        learned: None before the first time.
        problem: why learning failed the last time, in a sentence; empty if it did not.
    """

    def __init__(self) -> None:
        self.learned: Learned | None = None
        self.problem = ""
        self._new = 0  # labels since then
        self._one_at_a_time = threading.Lock()
        self._wake, self._closed = threading.Event(), False

    def start(self, labelled: LabelledImages) -> None:
        """Starts the thread, which learns from the labels of these images."""
        threading.Thread(target=self._learn_on, args=[labelled], daemon=True).start()

    def changed(self, number: int) -> None:
        """Tells that labels are new."""
        self._new += number
        if self._is_due():
            self._wake.set()

    def _is_due(self) -> bool:
        return self._new >= BATCH or self.learned is None

    def _learn_on(self, labelled: LabelledImages) -> None:
        while not self._closed:
            self._wake.wait()
            self._wake.clear()
            if not self._closed and self._is_due():
                self.try_to_learn(labelled)

    def try_to_learn(self, labelled: LabelledImages) -> None:
        """Learns; if that fails, `learned` stays, and the terminal and `problem` say why."""
        try:
            self.learn(labelled)
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            self.problem = f"The labels are saved, but learning from them failed: {reason}"

    def learn(self, labelled: LabelledImages) -> Learned:
        """Learns from the labels that there are now."""
        with self._one_at_a_time:
            with labelled.lock:
                self._new = 0
                state = labelled.state()
            names, numbers = np.unique(np.array(state.classes, str), return_inverse=True)
            labels = Labels(np.array(state.places, int), numbers, len(names))
            points, closed = labelled.images.points, np.array(state.closed, int)
            shares = np.full((len(points), len(names)), 1 / max(len(names), 1), np.float32)
            found = list[Point]()
            if len(names) >= learner.MIN_CLASSES:
                shares, right = estimates.probabilities(points, labels, closed)
                found = estimates.curve(points, labels, shares, right, closed)
            batch = selection.teaching(Pool(points, labels, closed, SEED), BATCH).tolist()
            self.learned, self.problem = Learned(names.tolist(), shares, found, batch), ""
            return self.learned

    def close(self) -> None:
        """Ends the thread."""
        self._closed = True
        self._wake.set()
