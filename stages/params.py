"""Check every section of params.yaml, before any other stage works for hours.

Reads   params.yaml
Writes  results/params_checked.txt
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from classifier.common import files, params
from classifier.common.errors import StageError, collected, run_main
from classifier.dataset import folders, source
from classifier.dataset.source import Params as DatasetParams
from classifier.evaluation.predictions import Params as PredictParams
from stages import fetch, freeze
from stages.export.params import Params as ExportParams
from stages.extract.params import Params as ExtractParams
from stages.inspect.params import Params as InspectParams
from stages.report.params import Params as ReportParams
from stages.train.params import Params as TrainParams
from stages.train.params import require_layers, require_maps, weights_by_index
from stages.validate.params import Params as ValidateParams

CHECKED = Path("results/params_checked.txt")
SECTIONS: Mapping[str, type] = {
    "dataset": DatasetParams,
    "validate": ValidateParams,
    "fetch": fetch.Params,
    "freeze": freeze.Params,
    "extract": ExtractParams,
    "inspect": InspectParams,
    "train": TrainParams,
    "predict": PredictParams,
    "report": ReportParams,
    "export": ExportParams,
}


def check_all(path: Path = params.PATH) -> dict[str, Any]:
    """Returns all sections as instances of their stages' dataclasses.

    Raises:
        StageError: names everything that is wrong with any of them.
    """
    sections, errors = dict[str, Any](), list[str]()
    for name, kind in SECTIONS.items():
        with collected(errors):
            sections[name] = params.load(name, kind, path)
    if {"freeze", "train"} <= sections.keys():
        with collected(errors):
            require_maps(sections["train"], sections["freeze"].pooling)
        with collected(errors):
            require_layers(sections["train"].layers, sections["freeze"].layers)
    in_folders = "dataset" in sections and sections["dataset"].source == source.FOLDER
    class_names = folders.class_folders(folders.INPUT, "train") if in_folders else []
    if class_names and "train" in sections:
        with collected(errors):
            weights_by_index(sections["train"].class_weight, class_names)
    if errors:
        raise StageError(*dict.fromkeys(errors))
    return sections


def main(out: Path = CHECKED) -> None:
    """Checks params.yaml; what it writes is always the same, so no later stage runs for it."""
    count = sum(len(vars(section)) for section in check_all().values())
    with files.atomic_write(out) as part:
        part.write_text("params.yaml is valid\n", encoding="utf-8", newline="\n")
    print(f"params: {count} values of params.yaml are valid -> {out.as_posix()}")


if __name__ == "__main__":
    run_main(main)
