"""`dvc repro` runs what a change touches and nothing else, and its results are reproducible."""

import csv
import hashlib
import json
import re
import shutil
import time
from pathlib import Path

import pytest
import yaml

from classifier.dataset import features
from stages.export.params import FORMATS
from tests.project import (
    COLOURS,
    Project,
    commit,
    copy,
    draw,
    draw_classes,
    executed,
    make_project,
    needs_git,
    read_lock,
)
from tests.source_code import STAGES, main_module, outs, run_here

HEAD = {"train", "predict", "evaluate", "export", "report"}
BASE = {"freeze", "extract", "inspect", *HEAD}
ALL = {"validate", "fetch", *BASE}

# param: another value, and the stages that `dvc repro` then runs in the project of the tests
TABLE = {
    "dataset.source": ("images.csv", {"validate", "extract", "inspect", *HEAD}),
    "validate.bad_images": ("fail", {"validate", "report"}),
    "validate.max_megapixels": (200, {"validate", "report"}),
    "validate.max_megabytes": (200, {"validate", "report"}),
    "validate.decode_timeout": (20, {"validate", "report"}),
    "validate.group_seconds": (0, {"validate", "report"}),  # no effect: no EXIF
    "validate.value_range": ([0, 255], {"validate", "report"}),  # no effect: all have 8 bits
    "validate.table_format": (  # the head stays the same
        "parquet",
        {"validate", "extract", "inspect", "train", "predict", "report"},
    ),
    "validate.run_on": ("ray", set()),
    "fetch.weights": ("random", {"fetch", *BASE}),
    "fetch.seed": (2, {"fetch", "report"}),  # no effect: the weights are a file
    "freeze.layers": (["mixed1"], BASE),
    "freeze.pooling": ("none", BASE),
    "freeze.image_height": (80, BASE),
    "freeze.image_width": (80, BASE),
    "freeze.engine": ("tensorflow", BASE),
    "freeze.precision": ("int8", BASE),
    "extract.augmented_copies": (1, {"extract", "inspect", *HEAD}),
    "extract.rotation_range": (30, {"extract", "report"}),  # no effect: there are no copies
    "extract.width_shift_range": (0.1, {"extract", "report"}),
    "extract.height_shift_range": (0.1, {"extract", "report"}),
    "extract.shear_range": (0.1, {"extract", "report"}),
    "extract.zoom_range": (0.1, {"extract", "report"}),
    "extract.horizontal_flip": (False, {"extract", "report"}),
    "extract.seed": (2, {"extract", "report"}),
    "extract.tta_views": (2, {"extract", "inspect", *HEAD}),
    "extract.batch_size": (7, set()),
    "extract.threads": (1, set()),
    "extract.run_on": ("ray", set()),
    "inspect.drop_label_conflicts": (True, {"inspect", "report"}),  # no effect: no findings
    "inspect.drop_leaks": (True, {"inspect", "report"}),
    "inspect.drop_duplicates": (True, {"inspect", "report"}),
    "inspect.drop_wrong_labels": (True, {"inspect", "report"}),
    "inspect.drop_outliers": (True, {"inspect", "report"}),
    "train.head": ("logistic", HEAD),
    "train.layers": (["mixed0"], HEAD),
    "train.most": (1000, {"train", "report"}),  # no effect: there are fewer
    "train.folds": (3, HEAD),
    "train.learning_curve": (False, HEAD - {"predict"}),
    "train.class_weight": ("balanced", {"train", "report"}),  # no effect: classes of equal size
    "train.validation_split": (0.4, {"train", "report"}),  # no effect: there are folds
    "train.refit": (True, {"train", "report"}),
    "train.seed": (2, HEAD),
    "train.hidden_units": (9, {"train", "report"}),  # no effect: the head is not dense
    "train.dropout": (0.2, {"train", "report"}),
    "train.optimizer": ("sgd", {"train", "report"}),
    "train.learning_rate": (0.002, {"train", "report"}),
    "train.batch_size": (5, {"train", "report"}),
    "train.epochs": (2, {"train", "report"}),
    "train.patience": (9, {"train", "report"}),
    "train.fine_tune_optimizer": ("adam", {"train", "report"}),  # no effect: no fine-tuning
    "train.fine_tune_learning_rate": (0.1, {"train", "report"}),
    "train.fine_tune_momentum": (0.1, {"train", "report"}),
    "train.fine_tune_batch_size": (2, {"train", "report"}),
    "train.fine_tune_patience": (2, {"train", "report"}),
    "predict.top_k": (2, HEAD - {"train"}),
    "predict.keep": (0.01, HEAD - {"train"}),
    "predict.min_probability": (1.0, HEAD - {"train"}),
    "export.web": ("onnxruntime-web-1.30.0.tgz", {"export", "report"}),
    "report.heat_maps": (False, {"report"}),
    **{f"export.{one.name}": (one.name != "openvino", {"export", "report"}) for one in FORMATS},
}
# one param of most sections has a real `dvc repro`; for the others dvc.yaml tells what it does
REAL = (
    "validate.bad_images",
    "validate.table_format",
    pytest.param("fetch.weights", marks=pytest.mark.slow),
    pytest.param("freeze.layers", marks=pytest.mark.slow),
    pytest.param("extract.augmented_copies", marks=pytest.mark.slow),
    "extract.batch_size",
    pytest.param("inspect.drop_leaks", marks=pytest.mark.slow),
    "train.head",
    "export.openvino",
)
SLOW_STAGES = ("fetch", "freeze")
NEEDS_A_CLUSTER = "validate.run_on"  # tests/stages/validate/test_ray_check.py compares the bytes
NEEDS_A_LIST = "dataset.source"  # tests/commands/test_manifest.py runs all stages
OF_TABLES = "validate.table_format"  # in REAL: it changes features, but nothing after the head


def predictions(project: Project) -> list[dict[str, str]]:
    with (project.folder / "results" / "predictions.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def lock(project: Project) -> dict:
    return read_lock((project.folder / "dvc.lock").read_text())


@pytest.fixture(scope="module")
def steered(finished, tmp_path_factory) -> Project:
    return copy(finished, tmp_path_factory.mktemp("steered") / "project")


@pytest.mark.parametrize("name", REAL)
def test_a_changed_param_reruns_exactly(name, steered):
    value, expected = TABLE[name]
    before = steered.set(name, value)
    try:
        assert steered.repro() == expected
    finally:
        steered.set(name, before)
    assert steered.repro() == expected & {"extract"}  # the run cache has every other result


def stages_to_run(name: str, changed: set[str]) -> set[str]:
    """Returns the stages that DVC runs, as dvc.yaml has it, after a param changed.

    Args:
        name: of the param.
        changed: outs of its stage that the new value changes; of later stages all change.
    """
    listed = {name, name.partition(".")[0]}
    stages = {stage for stage, lists in STAGES.items() if listed & set(lists.get("params", []))}
    changed, size = set(changed), -1
    while len(stages) > size:
        size = len(stages)
        for stage in STAGES.keys() - stages:
            if changed & set(STAGES[stage]["deps"]):
                stages.add(stage)
                changed |= set(outs(stage))
    return stages


def stage_of(name: str) -> str:
    """Returns the first stage that reads a param."""
    section = name.partition(".")[0]
    return "validate" if section == "dataset" else section


def content(path: Path) -> dict[str, str]:
    """Returns the SHA-256 of a file, or of every file in a folder."""
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return {str(p.relative_to(path)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def rows() -> list:
    """Returns the params whose effect decides which stages run, those of slow stages marked."""
    stages = {name: stage_of(name) for name in TABLE}
    decide = [n for n in TABLE if stages_to_run(n, set()) != stages_to_run(n, {*outs(stages[n])})]
    return [
        pytest.param(name, marks=[pytest.mark.slow] if stages[name] in SLOW_STAGES else [])
        for name in decide
        if name not in (NEEDS_A_CLUSTER, NEEDS_A_LIST, OF_TABLES)
    ]


@pytest.mark.parametrize("name", rows())
def test_a_changed_param_reruns_what_its_effect_touches(name, results_only, finished):
    value, expected = TABLE[name]
    stage = name.partition(".")[0]
    results_only.set(name, value)
    if name == "freeze.pooling":
        results_only.set("freeze.layers", ["mixed1"])  # maps are those of one layer
    run_here(stage)
    changed = {p for p in outs(stage) if content(Path(p)) != content(finished.folder / p)}
    assert stages_to_run(name, changed) == expected


@pytest.mark.slow
def test_a_param_of_the_dense_head_reruns_what_its_effect_touches(results_only):
    results_only.set("train.head", "dense")
    run_here("train")
    before = {path: content(Path(path)) for path in outs("train")}
    for name, value in (("hidden_units", 9), ("learning_rate", 0.002), ("epochs", 2)):
        old = results_only.set(f"train.{name}", value)
        run_here("train")
        changed = {path for path in before if content(Path(path)) != before[path]}
        assert stages_to_run(f"train.{name}", changed) == HEAD
        results_only.set(f"train.{name}", old)


@pytest.mark.parametrize("name", TABLE)
def test_dvc_yaml_has_the_stages_of_the_table(name):
    _, expected = TABLE[name]
    every = stages_to_run(name, {*outs(stage_of(name))})
    assert stages_to_run(name, set()) <= expected <= every


def test_the_table_names_every_param(finished):
    document = yaml.safe_load((finished.folder / "params.yaml").read_text())
    every = {f"{section}.{key}" for section, values in document.items() for key in values}
    needs_maps = {"train.fine_tune_epochs"}
    assert TABLE.keys() == every - needs_maps


@pytest.mark.parametrize("batch_size", [1, 5, 64])
def test_the_batch_size_changes_no_byte(batch_size, results_only, finished):
    shutil.rmtree(results_only.folder / ".cache")
    results_only.set("extract.batch_size", batch_size)
    run_here("extract")
    for path in outs("extract"):
        assert content(Path(path)) == content(finished.folder / path)


@pytest.fixture(scope="module")
def tuned(fine_tuned, tmp_path_factory) -> Project:
    return copy(fine_tuned, tmp_path_factory.mktemp("tuned") / "project")


def views(output: str) -> tuple[int, int]:
    """Returns the number of views, and of those that `extract` computed."""
    line = re.search(r"^extract: .* in (\d+) views, (\d+) new", output, re.M)
    return int(line[1]), int(line[2])


@pytest.mark.slow
class TestTuned:
    def test_more_copies_compute_only_the_new_ones_and_fewer_compute_none(self, fine_tuned, tuned):
        assert views(fine_tuned.output) == (18 * 3 + 3 * 3, 63)
        for copies, expected in ((3, (18 * 5 + 3 * 3, 36)), (2, (18 * 4 + 3 * 3, 0))):
            tuned.set("extract.augmented_copies", copies)
            assert tuned.repro("extract") == {"extract"}
            assert views(tuned.output) == expected
        tuned.set("extract.augmented_copies", 1)
        assert tuned.repro() == {"extract"}

    def test_other_ranges_compute_only_the_copies(self, tuned):
        before = tuned.set("extract.zoom_range", 0.1)
        assert tuned.repro("extract") == {"extract"}
        assert views(tuned.output) == (63, 18 + 3)
        tuned.set("extract.zoom_range", before)
        assert tuned.repro() == {"extract"}

    def test_a_fine_tuning_param_reruns_the_training(self, tuned):
        before = tuned.set("train.fine_tune_epochs", 2)
        assert tuned.repro() == HEAD
        tuned.set("train.fine_tune_epochs", before)
        assert tuned.repro() == set()

    def test_test_time_augmentation_does_not_change_the_weights_of_the_head(self, tuned):
        weights = tuned.folder / "models" / "head" / "head.npz"
        before = weights.read_bytes(), predictions(tuned)
        tuned.set("extract.tta_views", 1)
        assert tuned.repro("predict") == {"extract", "inspect", "train", "predict"}
        assert weights.read_bytes() == before[0]
        assert predictions(tuned) != before[1]
        tuned.set("extract.tta_views", 3)
        assert tuned.repro() == {"extract"}

    def test_without_the_cache_and_in_other_batches_every_byte_is_the_same(self, tuned):
        before = lock(tuned)
        shutil.rmtree(tuned.folder / ".cache")
        tuned.set("extract.batch_size", 7)
        assert tuned.repro("-f") == ALL
        after = lock(tuned)
        assert after.pop("params")["outs"] == before.pop("params")["outs"]  # params.yaml differs
        assert after == before


def test_a_new_test_image(project):
    draw(project.folder / "input" / "test" / "new.jpg", "cross", 200)
    before = lock(project)["train"]
    assert project.repro() == ALL - {"fetch", "freeze", "train", "export"}
    assert lock(project)["train"] == before
    assert "input/test/new.jpg" in [row["path"] for row in predictions(project)]


def test_a_new_test_image_of_known_class_changes_the_model_card(project):
    draw(project.folder / "input" / "test" / "cross" / "new.jpg", "cross", 200)
    assert project.repro() == ALL - {"fetch", "freeze", "train"}
    card = (project.folder / "models" / "exported" / "README.md").read_text(encoding="utf-8")
    assert "| test | 1 |" in card


def test_a_new_training_image(project):
    draw(project.folder / "input" / "train" / "cross" / "new.jpg", "cross", 201)
    assert project.repro() == ALL - {"fetch", "freeze"}


@pytest.mark.slow
def test_a_renamed_training_image_does_not_change_the_head(project):
    folder = project.folder / "input" / "train" / "cross"
    head = lock(project)["train"]["outs"][0]
    (folder / "0.jpg").rename(folder / "a new name.jpg")
    expected = {"validate", "extract", "inspect", "train", "evaluate", "export", "report"}
    assert project.repro() == expected
    assert lock(project)["train"]["outs"][0] == head


def test_an_edited_test_image_of_the_same_name(project):
    test = project.folder / features.TEST
    before = features.read(test).features[:]
    draw(project.folder / "input" / "test" / "0.jpg", "square", 202)
    assert project.repro() == ALL - {"fetch", "freeze", "train", "export"}
    changed = (features.read(test).features[:] != before).any(axis=1)
    assert changed.tolist() == [True, False, False]


@pytest.mark.slow
def test_a_removed_test_image(project):
    (project.folder / "input" / "test" / "0.jpg").unlink()
    assert project.repro() == ALL - {"fetch", "freeze", "train", "export"}
    assert [row["path"] for row in predictions(project)] == ["input/test/1.jpg", "input/test/2.jpg"]


@pytest.mark.parametrize(
    "stage",
    ["predict", "inspect"]
    + [
        pytest.param(s, marks=pytest.mark.slow) for s in ("validate", "train", "evaluate", "report")
    ],
)
def test_an_edit_of_a_stages_code_reruns_it_alone(stage, project):
    with (project.folder / main_module(stage)).open("a") as file:
        file.write("\n# a comment\n")
    assert project.repro() == {stage}


@pytest.mark.parametrize(
    ("module", "stages"),
    [
        ("html/markup.py", {"report"}),
        ("similarity/pca.py", {"inspect"}),
        ("serving/web_page.py", set()),
        ("commands/classify.py", set()),
    ],
)
def test_an_edit_of_the_library_reruns_the_stages_that_use_its_package(module, stages, project):
    with (project.folder / "classifier" / module).open("a") as file:
        file.write("\n# a comment\n")
    assert project.repro() == stages


def test_files_of_the_file_manager_rerun_nothing(project):
    (project.folder / "input" / "train" / ".DS_Store").touch()
    (project.folder / "input" / "README.md").write_text("words")
    assert project.repro() == set()


def test_a_second_run_does_nothing_in_about_dvcs_own_time(project):
    def seconds(*command: str) -> float:
        started = time.perf_counter()
        project.shell(*command)
        return time.perf_counter() - started

    assert project.repro() == set()
    # a stage that ran by mistake would cost tens of seconds
    assert seconds("dvc", "repro") < 3 * seconds("dvc", "status") + 2


@pytest.mark.slow
@needs_git
def test_a_clone_with_the_same_data_and_another_thread_count_changes_no_byte(
    finished, tmp_path, monkeypatch
):
    finished.shell("git", "clone", "-q", ".", str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone")
    draw_classes(clone.folder / "input")
    (clone.folder / "dvc.lock").unlink()
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "1")
    assert clone.repro() == ALL
    assert lock(clone) == lock(finished)


def test_without_test_images_there_are_no_predictions(project):
    shutil.rmtree(project.folder / "input" / "test")
    project.repro("predict", "report")
    assert "no test images: the predictions will be empty" in project.output
    assert predictions(project) == []


def test_a_labelled_test_folder_is_scored(project):
    folder = project.folder / "input" / "test"
    for number, shape in enumerate(COLOURS):
        (folder / shape).mkdir()
        (folder / f"{number}.jpg").rename(folder / shape / f"{number}.jpg")
    project.repro("evaluate")
    metrics = json.loads((project.folder / "results" / "metrics.json").read_text())
    assert metrics["test"]["n"] == 3
    assert [row["path"] for row in predictions(project)] == [
        "input/test/circle/0.jpg",
        "input/test/cross/1.jpg",
        "input/test/square/2.jpg",
    ]


@pytest.mark.slow
def test_the_class_folders_are_the_classes(project):
    for number in range(4):
        draw(project.folder / "input" / "train" / "a new one" / f"{number}.png", "cross", number)
    project.repro()
    head = json.loads((project.folder / "models" / "head" / "head.json").read_text())
    assert head["class_names"] == ["a new one", "circle", "cross", "square"]


@pytest.mark.slow
def test_a_validation_folder_is_the_validation_split(project):
    for shape in COLOURS:
        draw(project.folder / "input" / "validation" / shape / "v.jpg", shape, 300)
    project.repro()
    with (project.folder / "results" / "split.csv").open() as file:
        splits = {row["path"]: row["split"] for row in csv.DictReader(file)}
    validation = [path for path, split in splits.items() if split == "validation"]
    assert validation == [f"input/validation/{shape}/v.jpg" for shape in COLOURS]


def test_an_unreadable_test_file_has_a_row_with_its_reason(project):
    (project.folder / "input" / "test" / "1b.jpg").write_text("<html>")
    assert project.repro() == {"validate", "predict", "evaluate", "report"}
    by_path = {row["path"]: row for row in predictions(project)}
    assert list(by_path) == [f"input/test/{name}.jpg" for name in ("0", "1", "1b", "2")]
    assert by_path["input/test/1b.jpg"]["status"] == "not_an_image"
    assert by_path["input/test/1b.jpg"]["predicted"] == ""


@pytest.mark.parametrize("name", ["train.learning_rate", "freeze.layers", "predict.top_k"])
def test_a_wrong_param_is_one_line_without_a_traceback(name, project):
    project.set(name, "-2e-3")
    done = project.shell("dvc", "repro", ok=False)
    assert done.returncode != 0
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert line.startswith(f"error: params.yaml: {name} must be ")
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@needs_git
def test_experiments_and_their_comparison_work(project):
    done = project.shell("dvc", "exp", "run", "-S", "train.head=dense")
    assert executed(done.stdout) == HEAD
    report = project.folder / "results" / "report.html"
    page = report.read_text(encoding="utf-8")
    last = project.shell("git", "log", "-1", "--format=%H %cs").stdout
    assert f"Before: commit {last[:7]} of {last.split()[1]}, “first run”" in page
    assert re.search("train.head.{0,60}auto.{0,40}dense", page)
    assert "dense" in project.shell("dvc", "exp", "show", "--csv").stdout
    assert "validation.log_loss" in project.shell("dvc", "metrics", "diff").stdout
    project.shell("dvc", "plots", "show")
    page = (project.folder / "dvc_plots" / "index.html").read_text(encoding="utf-8")
    assert "val_loss" in page
    assert "Confusion matrix of the validation images" in page
    before = report.read_bytes()
    commit(project, "dense")
    assert project.repro() == set() and report.read_bytes() == before  # its commit stays named
    assert project.stage("report").returncode == 0
    assert "Before: commit" not in report.read_text(encoding="utf-8")  # the last one is this run


@pytest.mark.slow
@needs_git
def test_images_under_dvc_work_in_experiments_in_a_temporary_folder(images_under_dvc, tmp_path):
    project = copy(images_under_dvc, tmp_path / "project")
    done = project.shell("dvc", "exp", "run", "--temp", "-S", "predict.top_k=1")
    assert "predict" in executed(done.stdout)
    assert "extract" not in executed(done.stdout)


@needs_git
def test_git_status_is_clean_after_a_commit(finished, tmp_path):
    project = copy(finished, tmp_path / "clean")
    assert project.shell("git", "status", "--short").stdout == ""
    tracked = project.shell("git", "ls-files").stdout.split()
    assert {"dvc.lock", "results/metrics.json", "results/dataset.json"} <= set(tracked)
    assert not [path for path in tracked if path.startswith(("input/train", "input/test"))]


def test_no_result_names_the_machine(finished):
    for folder in ("results", "models/head", "models/base"):
        for path in (finished.folder / folder).iterdir():
            if path.is_file():
                assert str(finished.folder).encode() not in path.read_bytes(), path


def test_without_images_the_error_says_where_to_put_them(tmp_path, random_weights):
    project = make_project(tmp_path / "new", random_weights)
    for name in ("train", "test"):
        shutil.rmtree(project.folder / "input" / name)
    done = project.shell("dvc", "repro", ok=False)
    assert "error: input/train: no such folder; put the images of each class in" in done.stderr
