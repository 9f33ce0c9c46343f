import ast
import csv
import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import ExifTags, Image

from classifier import head
from classifier.common import files
from classifier.common.errors import StageError
from classifier.dataset import features, validation_predictions
from classifier.evaluation import metrics, scored_images
from classifier.exported import read_info
from classifier.images.decode import decode_image
from classifier.inference.base import BaseInfo
from classifier.inference.openvino_engine import openvino
from stages.export import agreement, stage
from stages.export.formats import openvino as openvino_format
from stages.export.formats import web
from stages.export.params import FORMATS
from tests.browser import PROGRAM, Browser
from tests.project import ROOT, Project, copy, draw, make_project

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
    command = [sys.executable, "-c", f"{code}\nprint(novelty)"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    probabilities, *_, novelty = done.stdout.splitlines()
    return ast.literal_eval(probabilities), float(novelty)


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


def test_scores_are_those_of_metrics_json(finished, monkeypatch, tmp_path):
    monkeypatch.chdir(finished.folder)
    validated = validation_predictions.read(validation_predictions.PATH)
    found = stage.compute_scores(validated, scored_images.TEST, tmp_path)
    expected = json.loads(metrics.PATH.read_text())
    for name, scores in found.items():
        assert scores == {key: expected[name][key] for key in scores}
    assert set(found) == {"validation", "test"} & set(expected)


def test_openvino_files_have_the_same_bytes_in_every_run(finished, exported):
    for name in ("model.xml", "model.bin"):
        path = f"models/exported/openvino/{name}"
        assert (finished.folder / path).read_bytes() == (exported.folder / path).read_bytes()


def test_the_params_are_the_formats():
    section = yaml.safe_load((ROOT / "params.yaml").read_text())["export"]
    assert list(section) == [*(one.name for one in FORMATS), "web"]
    assert [field.name for field in dataclasses.fields(stage.Params)] == list(section)


def test_a_missing_package_is_reported_with_its_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(StageError, match=r"export\.onnx needs .* run `pip install onnx`"):
        stage.Params(**{one.name: one.name == "onnx" for one in FORMATS}, web="none")


@pytest.fixture
def runtime(tmp_path) -> str:
    """ONNX Runtime Web: the file that ONNXRUNTIME_WEB names, else a download."""
    if "ONNXRUNTIME_WEB" not in os.environ:
        if not (npm := shutil.which("npm")):
            pytest.skip("ONNXRUNTIME_WEB is not set, and there is no npm to download it")
        command = [npm, "pack", web.PACKAGE, "--silent"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60, check=False)
        if done.returncode:
            pytest.skip("ONNXRUNTIME_WEB is not set, and npm cannot download it")
    place = os.environ.get("ONNXRUNTIME_WEB", str(tmp_path / web.RUNTIME))
    web.require_runtime(place)
    return place


class QuietHandler(SimpleHTTPRequestHandler):
    """Logs no request."""

    def log_message(self, *_: object) -> None:
        pass


def draw_odd_images(folder) -> list[Path]:
    """Draws images of whole and half transparency, sideways, and of many and few pixels."""
    photo = Image.open(draw(folder / "photo.jpg", "circle", 3, (900, 700)))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    photo.resize((140, 110)).save(folder / "sideways.jpg", exif=exif)  # no draft mode
    photo.resize((1500, 1100)).save(folder / "large.png")
    photo.resize((40, 30)).save(folder / "small.png")
    photo.putalpha(Image.linear_gradient("L").resize(photo.size))
    photo.save(folder / "transparent.png")
    return [folder / name for name in ("sideways.jpg", "large.png", "small.png", "transparent.png")]


PIXELS = """(async () => {
  const { resized } = await import("./pixels.js");
  const image = await (await fetch("%s")).blob();
  return [...resized(await createImageBitmap(image, { premultiplyAlpha: "none" }), 75, 75)];
})()"""
SHOWN = """[...document.querySelectorAll("article")].map((card) => [
  card.querySelector("figcaption").textContent,
  [...card.querySelectorAll("li")].map((line) =>
    [line.firstChild.textContent, parseFloat(line.querySelector(".bar span").style.width) / 100]),
  parseFloat(card.querySelector(".note").textContent.slice(8)),
  card.querySelector(".verdict")?.textContent ?? ""])"""


@pytest.mark.slow
@pytest.mark.skipif(not PROGRAM, reason="no Chromium to open the page with")
def test_the_page_predicts_what_the_pipeline_predicts_and_loads_nothing_else(
    exported, runtime, tmp_path
):
    models, page = exported.folder / "models" / "exported", tmp_path / "page"
    info = dataclasses.replace(read_info(models), threshold=3.0)
    web.write_page(info, runtime, page)
    shutil.copy(models / PATHS["onnx"], page)
    paths = [*sorted((exported.folder / "input" / "test").glob("*.jpg")), *draw_odd_images(page)]
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    network = openvino().compile_model(models / PATHS["openvino"], "CPU", exact)
    decoded = {path.name: decode_image(path.read_bytes(), 75, 75).pixels for path in paths}
    handler = partial(QuietHandler, directory=page)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = Browser(tmp_path / "browser", 400)
        try:
            address = f"http://127.0.0.1:{server.server_port}/"
            browser.open(address)
            browser.wait("'ready' in document.documentElement.dataset")
            browser.choose("#images", [*paths, page / "page.css"])
            browser.wait(f"document.querySelectorAll('#results > *').length == {len(paths) + 1}")
            shown = browser.value(SHOWN)
            problems = browser.value("document.querySelector('.problem').textContent")
            seen = {path.name: browser.value(PIXELS % path.name) for path in paths[-4:]}
        finally:
            browser.close()
            server.shutdown()
    assert problems == "page.css: this browser cannot read it as an image"
    assert [name for name, *_ in shown] == [path.name for path in reversed(paths)]
    for name, classes, novelty, verdict in shown:
        outputs = network(decoded[name][None])
        expected = dict(zip(info.head.class_names, outputs["probabilities"][0], strict=True))
        assert dict(classes) == pytest.approx(expected, abs=0.001), name
        assert novelty == pytest.approx(float(outputs["novelty"][0]), abs=0.2)
        assert verdict.startswith("unknown: unlike") == (outputs["novelty"][0] > 3), name
    for name, pixels in seen.items():
        difference = np.abs(np.array(pixels) - decoded[name].ravel().astype(int)).max()
        assert difference <= {"transparent.png": 1, "sideways.jpg": 2}.get(name, 0), name
    requests = [url for url in browser.requests if not url.startswith(("data:", "blob:"))]
    assert f"{address}{PATHS['onnx']}" in requests
    assert all(url.startswith(address) for url in requests)
    assert browser.errors == []


def test_an_int8_format_of_a_float32_network_is_an_error():
    with pytest.raises(StageError, match=r"tflite_int8: needs freeze.precision int8; got float32"):
        stage.require_int8(FORMATS, INFO)


def test_an_operation_that_a_format_lacks_is_an_error_with_its_remedy():
    error = r"export.onnx: .* got OpenVINO's Erf in ONNX: set it to false"
    with pytest.raises(StageError, match=error), stage.reporting("onnx"):
        raise NotImplementedError("OpenVINO's Erf in ONNX")


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
    _, novelty = head.read(project.folder / head.FOLDER).outputs(table.features[table.image_rows])
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
        project.set(f"freeze.{name}", 150)
    project.set("freeze.layers", ["mixed10"])
    project.set("freeze.precision", "int8")
    for name in ("onnx", "tflite_int8"):
        project.set(f"export.{name}", True)
    project.repro()
    rows = files.read_csv(project.folder / agreement.PATH)
    assert [row["format"] for row in rows] == ["openvino", "onnx", "tflite_int8"]
    for row in rows:
        assert float(row["largest_difference"]) < 1e-4 and row["agreement"] == "1", row
