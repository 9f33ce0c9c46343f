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

from benchmarks import exports
from classifier import head
from classifier.common.errors import StageError
from classifier.dataset import features
from classifier.inference.openvino_engine import openvino
from stages.export import stage
from stages.export.params import FORMATS
from tests.project import ROOT, Project, copy, make_project

TOLERANCE = {  # of probabilities, on drawn images with float32 features
    "openvino": 1e-5,
    "keras": 0.01,
    "saved_model": 0.02,  # TensorFlow's JPEG decoder is not Pillow's
    "onnx": 0.001,
    "tflite": 0.001,
}
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


@pytest.mark.slow
def test_tflite_int8_predicts_nearly_what_the_pipeline_predicts(project, tmp_path):
    project.set("export.tflite_int8", True)
    assert project.stage("export").returncode == 0
    row = predictions(project)[0]
    found, _ = run_card_example(project, "tflite_int8", row["path"], tmp_path / "exported")
    assert_probabilities_match(row, found, 0.1)


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
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(StageError, match=r"export\.onnx needs .* run `pip install tf2onnx`"):
        stage.Params(**{one.name: one.name == "onnx" for one in FORMATS})


@pytest.mark.slow
def test_fine_tuned_blocks_are_exported_too(fine_tuned, tmp_path):
    from classifier.inference.keras_backend import keras

    project = copy(fine_tuned, tmp_path / "project")
    project.set("export.keras", True)
    done = project.stage("export")
    assert done.returncode == 0, done.stderr
    folder = project.folder / "models" / "exported"
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    network = openvino().compile_model(folder / PATHS["openvino"], "CPU", exact)
    model = keras.saving.load_model(folder / PATHS["keras"])
    table = features.read(project.folder / features.TEST)
    _, novelty = head.read(project.folder / head.FOLDER).outputs(
        table.features[np.flatnonzero(table.views == 0)]
    )
    for row, expected in zip(predictions(project), novelty, strict=True):
        pixels = np.asarray(Image.open(project.folder / row["path"]).convert("RGB"))
        for outputs, tolerance in ((network(pixels[None]), 0.01), (model(pixels[None]), 0.5)):
            probability = float(outputs["probabilities"][0][int(row["predicted_index"])])
            assert float(outputs["novelty"][0]) == pytest.approx(expected, abs=tolerance)
            assert probability == pytest.approx(float(row["probability"]), abs=0.01)


@pytest.mark.slow
@pytest.mark.filterwarnings(r"ignore:\s*Warning.+Interpreter is deprecated:UserWarning")
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
    for name in ("onnx", "tflite"):
        project.set(f"export.{name}", True)
    project.repro()
    for one in FORMATS:
        if one.name in ("openvino", "onnx", "tflite"):  # which do not resize as TensorFlow does
            row = exports.measure(project.folder, one, "float32")
            assert row.largest_difference < 0.001 and row.agreement == 1, one.name
