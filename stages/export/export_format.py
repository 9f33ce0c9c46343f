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

    Attributes:
        name: of its switch in section `export` of params.yaml.
        path: of its file or folder, relative to models/exported.
        write: writes the classifier; called with it and the absolute place of `path`.
        input: for the model card: what the model takes and how exact it is; may use `$width` and
            `$height`.
        example: for the model card: Python code that classifies image.jpg and prints a dictionary
            of class names and probabilities; may use `$path`, `$width` and `$height`.
        packages: to import for writing it, beyond those the project installs.
    """

    name: str
    path: str
    write: Callable[[TrainedClassifier, Path], None]
    input: str
    example: str
    packages: tuple[str, ...] = ()

    def card_section(self, info: BaseInfo) -> str:
        """Returns the format's section of the model card, in Markdown."""
        values = {"path": self.path, "width": info.image_width, "height": info.image_height}
        text, code = (Template(one).substitute(values) for one in (self.input, self.example))
        return f"## {self.path}\n\n{text}\n\n```python\n{code}\n```"
