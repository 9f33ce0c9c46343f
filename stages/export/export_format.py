"""What an export format consists of."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from string import Template

from classifier.inference.base import BaseInfo
from stages.export.models import TrainedClassifier


@dataclass(frozen=True)
class ExportFormat:
    """A format that the whole classifier can be written in.

    `input` and `example` are for the model card; they may use `$path`, `$width` and `$height`.
    """

    name: str  # of its switch in section `export` of params.yaml
    path: str  # of its file or folder, relative to models/exported
    write: Callable[[TrainedClassifier, Path], None]  # called with the absolute place of `path`
    input: str  # what the model takes and how exact it is
    example: str  # Python code that classifies image.jpg and prints {class name: probability}
    packages: tuple[str, ...] = ()  # to import for writing it, beyond those the project installs

    def card_section(self, info: BaseInfo) -> str:
        """Returns the format's section of the model card, in Markdown."""
        values = {"path": self.path, "width": info.image_width, "height": info.image_height}
        text, code = (Template(one).substitute(values) for one in (self.input, self.example))
        return f"## {self.path}\n\n{text}\n\n```python\n{code}\n```"
