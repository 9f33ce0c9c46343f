"""Decoding and forward passes on the machines of a Ray cluster.

This process asks and keeps the results.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from classifier.cache.features import NewRows
from classifier.cluster.connection import Cluster
from classifier.cluster.tasks import Tasks
from classifier.common.errors import StageError
from classifier.images.augmentation import View
from classifier.inference import base
from stages.extract import images, ray_worker
from stages.extract.forward import Decode
from stages.extract.ray_worker import Answer, Image, Work

PARAM = "extract.run_on"


class RayPool:
    """The frozen network on a Ray cluster, one task per processor core; see `forward.Pool`.

    Workers read the files of images themselves, below the same path as here; once one cannot, the
    content travels with the tasks. What they read must have the hash that `validate` has seen.

    Args:
        folder: of the network, models/base.
        decode: as in `forward.Decode`.
        batch_size: views of a task, at most.
        show: called with the number of workers when it changes.
    """

    def __init__(
        self, folder: Path, decode: Decode, batch_size: int, show: Callable[[str], object]
    ) -> None:
        if base.read_info(folder).engine != "openvino":
            rule = "needs freeze.engine: openvino (or auto without a GPU)"
            raise StageError(f"params.yaml: {PARAM}: ray {rule}")
        self.batch_size = batch_size
        self._folder = folder
        self._decode = partial(decode, root=Path.cwd())
        self._show = show
        self._cluster: Cluster | None = None
        self._send = False  # content with every task

    @property
    def place(self) -> str:
        """Returns the number of cores."""
        return f"{self._cluster.cores if self._cluster else 0} cores of a Ray cluster"

    def map(self, groups: Iterable[list[View]], estimate: int) -> Iterator[NewRows]:
        """Yields features in any order.

        Raises:
            StageError: a worker must not take part, an image cannot be decoded or ends its worker,
                or the head of the cluster has stopped. What was computed before comes first.
        """
        cluster = self._cluster = self._cluster or Cluster(PARAM)
        size = cluster.batch_size(self.batch_size, estimate)

        def lost(image: Image, how: str) -> None:
            path = ray_worker.views(image)[0].row.path
            tasks.errors.append(f"{path}: crashed ({how}); remove or replace it")

        tasks: Tasks[Image, Answer] = Tasks(
            cluster, ray_worker.compute, self._work(), self._show, lost
        )
        for batch, answer in tasks.map(self._batches(groups, size)):
            if answer.unread:
                self._send = True
                unread = (ray_worker.views(batch[position]) for position in answer.unread)
                tasks.again([ray_worker.pack(views, images.read(views)) for views in unread])
            if answer.computed:
                yield answer.computed

    def _work(self) -> Work:
        files = [path for path in self._folder.iterdir() if not path.name.startswith(base.UPPER)]
        network = {path.name: np.fromfile(path, np.uint8) for path in files}
        dtype = base.read_info(self._folder).dtype
        return Work(network, dtype, self._decode, ray_worker.of_machine(self._folder))

    def _batches(self, groups: Iterable[list[View]], size: int) -> Iterator[list[Image]]:
        """Yields images with `size` views or a few more."""
        batch, count = list[Image](), 0
        for views in groups:
            batch.append(ray_worker.pack(views, images.read(views) if self._send else None))
            count += len(views)
            if count >= size:
                yield batch
                batch, count = [], 0
        if batch:
            yield batch
