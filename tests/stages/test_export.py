import ast
import csv
import dataclasses
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import yaml
from PIL import Image

from classifier import head
from classifier.common import files
from classifier.common.errors import StageError
from classifier.dataset import features
from classifier.inference.base import BaseInfo
from classifier.inference.openvino_engine import openvino
from stages.export import agreement, stage
from stages.export.formats import openvino as openvino_format
from stages.export.params import FORMATS
from tests.project import ROOT, Project, copy, make_project

TOLERANCE = {  # of probabilities, on drawn images with float32 features
    "openvino": 1e-5,
    "keras": 0.001,
    "saved_model": 0.001,
    "onnx": 0.001,
    "tflite": 0.001,
}
INFO = BaseInfo(("mixed8",), "avg", 75, 75, (1280,), (1280,), "float32", "openvino", "float32", "")
PATHS = {one.name: one.path for one in FORMATS}


@pytest.fixture(scope="module")
def exported(finished, shared_folder) -> Project:
    """A project with its classifier in every format but tflite_int8."""

    def export(folder):
        project = copy(finished, folder / "project")
        for name in TOLERANCE:
            project.set(f"export.{name}", True)
        done = project.stage("export")
        assert done.returncode == 0, done.stderr

    return Project(shared_folder("exported", export) / "project")


def predictions(project: Project) -> list[dict[str, str]]:
    with (project.folder / "results" / "predictions.csv").open() as file:
        return list(csv.DictReader(file))


def run_card_example(
    project: Project, name: str, image: str, folder
) -> tuple[dict[str, float], float]:
    """Runs the model card's code for a format on an image; returns probabilities and novelty."""
    shutil.copytree(project.folder / "models" / "exported", folder)
    shutil.copy(project.folder / image, folder / "image.jpg")
    text = (folder / "README.md").read_text()
    code = re.search(rf"## {re.escape(PATHS[name])}\n.*?```python\n(.*?)\n```", text, re.S)[1]
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    novelty, probabilities = done.stdout.splitlines()[-2:]
    return ast.literal_eval(probabilities), float(novelty.removeprefix("novelty: "))


def assert_probabilities_match(row: dict[str, str], found: dict[str, float], tolerance: float):
    assert sum(found.values()) == pytest.approx(1, abs=0.02)
    for name, probability in (
        ("class_1", "probability"),
        ("class_2", "probability_2"),
        ("class_3", "probability_3"),
    ):
        assert found[row[name]] == pytest.approx(float(row[probability]), abs=tolerance)


@pytest.mark.parametrize("name", TOLERANCE)
def test_the_examples_of_the_card_predict_what_the_pipeline_predicts(name, exported, tmp_path):
    row = predictions(exported)[0]
    found, novelty = run_card_example(exported, name, row["path"], tmp_path / "exported")
    assert_probabilities_match(row, found, TOLERANCE[name])
    assert novelty == pytest.approx(float(row["novelty"]), abs=max(0.005, 10 * TOLERANCE[name]))


def test_each_export_is_measured_in_its_own_runtime(exported):
    rows = files.read_csv(exported.folder / agreement.PATH)
    assert {row["format"] for row in rows} == set(TOLERANCE)
    assert {(row["images"], row["agreement"]) for row in rows} == {("18", "1")}
    assert max(float(row["largest_difference"]) for row in rows) < 0.001
    card = (exported.folder / "models" / "exported" / "README.md").read_text()
    assert "Each model ran on 18 images in its own runtime" in card


def test_class_names_are_inside_the_models_and_beside_them(exported):
    import onnx

    folder = exported.folder / "models" / "exported"
    names = ["circle", "cross", "square"]
    assert yaml.safe_load((folder / "labels.json").read_text()) == names
    network = openvino().Core().read_model(folder / PATHS["openvino"])
    assert network.get_rt_info(["model_info", "labels"]).value.split() == names
    props = {one.key: one.value for one in onnx.load(folder / PATHS["onnx"]).metadata_props}
    assert ast.literal_eval(props["labels"]) == names
    threshold = head.read(exported.folder / head.FOLDER).novelty_threshold(0.99)
    assert float(props["novelty_threshold"]) == pytest.approx(threshold)
    found = network.get_rt_info(["model_info", "novelty_threshold"]).value
    assert float(found) == pytest.approx(threshold, rel=1e-4)
    assert yaml.safe_load((folder / "thresholds.json").read_text()) == {"novelty": None}


def test_openvino_files_have_the_same_bytes_in_every_run(finished, exported):
    for name in ("model.xml", "model.bin"):
        path = f"models/exported/openvino/{name}"
        assert (finished.folder / path).read_bytes() == (exported.folder / path).read_bytes()


def test_the_params_are_the_formats():
    section = yaml.safe_load((ROOT / "params.yaml").read_text())["export"]
    assert list(section) == [one.name for one in FORMATS]
    assert [field.name for field in dataclasses.fields(stage.Params)] == list(section)


def test_a_missing_package_is_reported_with_its_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(StageError, match=r"export\.onnx needs .* run `pip install onnx`"):
        stage.Params(**{one.name: one.name == "onnx" for one in FORMATS})


def test_an_int8_format_of_a_float32_network_is_an_error():
    with pytest.raises(StageError, match=r"tflite_int8: needs freeze.precision int8; got float32"):
        stage.require_int8(FORMATS, INFO)


@pytest.mark.slow
def test_fine_tuned_blocks_are_exported_too(fine_tuned, tmp_path):
    project = copy(fine_tuned, tmp_path / "project")
    project.set("export.keras", True)
    done = project.stage("export")
    assert done.returncode == 0, done.stderr
    for row in files.read_csv(project.folder / agreement.PATH):
        assert float(row["largest_difference"]) < 0.01, row
    network = openvino_format.load(project.folder / "models" / "exported" / PATHS["openvino"])
    table = features.read(project.folder / features.TEST)
    _, novelty = head.read(project.folder / head.FOLDER).outputs(
        table.features[np.flatnonzero(table.views == 0)]
    )
    for row, expected in zip(predictions(project), novelty, strict=True):
        pixels = np.asarray(Image.open(project.folder / row["path"]).convert("RGB"))
        assert float(network(pixels[None])["novelty"][0]) == pytest.approx(expected, abs=0.01)


@pytest.mark.slow
def test_photographs_get_the_pipelines_probabilities(real_weights, photographs, tmp_path):
    project = make_project(tmp_path / "project", real_weights)
    inputs = project.folder / "input"
    shutil.rmtree(inputs / "train")
    for number, path in enumerate(photographs):  # every third is a test image
        folder = inputs / ("test" if number % 3 == 0 else f"train/{path.parent.name}")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / f"{number}.jpg")
    for name in ("image_height", "image_width"):
        project.set(f"freeze.{name}", 299)
    project.set("freeze.layers", ["mixed10"])
    project.set("freeze.precision", "int8")
    for name in ("onnx", "tflite_int8"):
        project.set(f"export.{name}", True)
    project.repro()
    rows = files.read_csv(project.folder / agreement.PATH)
    assert [row["format"] for row in rows] == ["openvino", "onnx", "tflite_int8"]
    for row in rows:
        assert float(row["mean_difference"]) < 0.01 and row["agreement"] == "1", row
