import ast
import csv
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from benchmarks import exports
from stages.export import model_card, models
from stages.export import stage as export
from tests.project import Project, copy, make_project

pytestmark = pytest.mark.slow

CLOSE = {  # to the pipeline's probabilities, on drawn images with float32 features
    "openvino": 1e-5,
    "keras": 0.01,
    "saved_model": 0.02,  # TensorFlow's JPEG decoder is not Pillow's
    "onnx": 0.001,
    "tflite": 0.001,
    "tflite_int8": 0.1,
}


@pytest.fixture(scope="module")
def exported(finished, tmp_path_factory) -> Project:
    """A project with every form of its classifier."""
    project = copy(finished, tmp_path_factory.mktemp("exported") / "project")
    for name in model_card.FORMATS:
        project.set(f"export.{name}", True)
    done = project.stage("export")
    assert done.returncode == 0, done.stderr
    return project


def predictions(project: Project) -> dict[str, dict[str, str]]:
    with (project.folder / "results" / "predictions.csv").open() as file:
        return {row["path"]: row for row in csv.DictReader(file)}


def loading(project: Project, name: str) -> str:
    """Returns the lines of the model card that load a form."""
    text = (project.folder / "models" / "exported" / "README.md").read_text()
    place = re.escape(model_card.FORMATS[name])
    return re.search(rf"## {place}\n.*?```python\n(.*?)\n```", text, re.S)[1]


@pytest.mark.parametrize("name", model_card.FORMATS)
def test_the_cards_own_lines_give_what_the_pipeline_predicts(name, exported):
    folder = exported.folder / "models" / "exported"
    for path, row in predictions(exported).items():
        shutil.copy(exported.folder / path, folder / "image.jpg")
        done = subprocess.run(
            [sys.executable, "-c", loading(exported, name)],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
        found = ast.literal_eval(done.stdout.splitlines()[-1])
        assert sum(found.values()) == pytest.approx(1, abs=0.02)
        for place in ("", "_2", "_3"):
            expected = float(row[f"probability{place}"])
            chance = found[row["predicted" if not place else f"class{place}"]]
            assert chance == pytest.approx(expected, abs=CLOSE[name]), (name, path)


def test_labels_are_inside_and_beside(exported):
    import onnx

    folder = exported.folder / "models" / "exported"
    names = ["circle", "cross", "square"]
    assert (folder / "labels.json").read_text().split() == [
        "[",
        *(f'"{n}",' for n in names[:2]),
        '"square"',
        "]",
    ]
    network = models.openvino().Core().read_model(folder / "openvino" / "model.xml")
    assert network.get_rt_info(["model_info", "labels"]).value.split() == names
    (labels,) = onnx.load(folder / "classifier.onnx").metadata_props
    assert ast.literal_eval(labels.value) == names


def test_the_same_bytes_come_again(exported):
    folder = exported.folder / "models" / "exported"

    def contents() -> dict[str, bytes]:
        files = (path for path in folder.rglob("*") if path.is_file())
        named = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
        return {name: data for name, data in named.items() if name != "image.jpg"}

    before = contents()
    assert exported.stage("export").returncode == 0
    after = contents()
    assert before.keys() == after.keys()
    assert [name for name in before if before[name] != after[name]] == []


def test_the_card_says_what_was_measured_and_on_what(exported):
    text = (exported.folder / "models" / "exported" / "README.md").read_text()
    assert "a head trained on 18 images of 3 classes: circle, cross, square." in text
    assert "RANDOM weights, which know nothing" in text
    assert re.search(r"\| validation \| \d+ \| [\d.]+ % \| [\d.]+ % to [\d.]+ % \| [\d.]+ \|", text)


def test_a_missing_package_is_named_with_its_remedy(monkeypatch):
    monkeypatch.setattr(export, "PACKAGES", {"onnx": ("no_such_package",)})
    with pytest.raises(export.StageError, match="run `pip install no_such_package`"):
        export.require_possible(["onnx"])


def test_fine_tuned_blocks_are_exported_too(finished, tmp_path):
    from classifier.inference.keras_backend import keras

    project = copy(finished, tmp_path / "project")
    for name, value in {
        "freeze.last_layer": "mixed9",
        "freeze.pooling": "none",
        "freeze.precision": "float32",
        "train.fine_tune_epochs": 1,
        "train.fine_tune_learning_rate": 0.01,
        "export.keras": True,
    }.items():
        project.set(name, value)
    project.repro()
    folder = project.folder / "models" / "exported"
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    path = folder / model_card.FORMATS["openvino"]
    run = models.openvino().compile_model(path, "CPU", exact)
    whole = keras.saving.load_model(folder / model_card.FORMATS["keras"])
    for name, row in predictions(project).items():
        pixels = np.asarray(Image.open(project.folder / name).convert("RGB"))
        for chances in (run(pixels[None])[0][0], whole(pixels[None]).numpy()[0]):
            found = chances[int(row["predicted_index"])]
            assert found == pytest.approx(float(row["probability"]), abs=0.01)


@pytest.mark.filterwarnings(r"ignore:\s*Warning.+Interpreter is deprecated:UserWarning")
def test_real_photographs_get_the_pipelines_probabilities(real_weights, photographs, tmp_path):
    project = make_project(tmp_path / "project", real_weights)
    places = project.folder / "input"
    shutil.rmtree(places / "train")
    for number, path in enumerate(photographs):  # named by class, some to learn from
        place = places / ("test" if number % 3 == 0 else f"train/{path.parent.name}")
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place / f"{number}.jpg")
    for name in ("image_height", "image_width"):
        project.set(f"freeze.{name}", 299)
    project.set("freeze.last_layer", "mixed10")
    for name in ("keras", "saved_model", "onnx", "tflite"):
        project.set(f"export.{name}", True)
    project.repro()
    for name in ("openvino", "keras", "saved_model", "onnx", "tflite"):
        row = exports.measure(project.folder, name, "float32")
        assert row.largest_difference < (0.05 if name == "keras" else 0.001), name
        assert row.agreement == 1, name
