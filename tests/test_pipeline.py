"""The promise: `dvc repro` runs what changed and nothing else, and its results are reproducible."""

import csv
import json
import re
import shutil
import time

import pytest
import yaml

from classifier.dataset import features
from tests.project import COLOURS, Project, commit, copy, draw, make_project, needs_git

pytestmark = pytest.mark.slow

HEAD = {"train", "predict", "evaluate", "export", "report"}
BASE = {"freeze", "extract", "inspect", *HEAD}
EVERY = {"validate", "fetch", *BASE}

TABLE = [
    ("validate.bad_images", "fail", {"validate", "report"}),
    ("validate.max_megapixels", 200, {"validate", "report"}),
    ("validate.max_megabytes", 200, {"validate", "report"}),
    ("validate.decode_timeout", 20, {"validate", "report"}),
    ("fetch.weights", "random", {"fetch", *BASE}),
    ("fetch.seed", 2, {"fetch", "report"}),  # the weights are a file here: the same bytes again
    ("freeze.last_layer", "mixed0", BASE),
    ("freeze.pooling", "none", BASE),
    ("freeze.image_height", 80, BASE),
    ("freeze.image_width", 80, BASE),
    ("freeze.engine", "tensorflow", BASE),
    ("freeze.precision", "int8", BASE),
    ("extract.augmented_copies", 1, {"extract", "inspect", *HEAD}),
    ("extract.rotation_range", 30, {"extract", "report"}),  # without copies it has no effect
    ("extract.width_shift_range", 0.1, {"extract", "report"}),
    ("extract.height_shift_range", 0.1, {"extract", "report"}),
    ("extract.shear_range", 0.1, {"extract", "report"}),
    ("extract.zoom_range", 0.1, {"extract", "report"}),
    ("extract.horizontal_flip", False, {"extract", "report"}),
    ("extract.seed", 2, {"extract", "report"}),
    ("extract.batch_size", 7, set()),
    ("extract.threads", 1, set()),
    ("inspect.drop_label_conflicts", True, {"inspect", "report"}),
    ("inspect.drop_leaks", True, {"inspect", "report"}),
    ("inspect.drop_duplicates", True, {"inspect", "report"}),
    ("inspect.drop_wrong_labels", True, {"inspect", "report"}),
    ("inspect.drop_outliers", True, {"inspect", "report"}),
    ("train.hidden_units", 9, HEAD),
    ("train.dropout", 0.2, HEAD),
    ("train.optimizer", "sgd", HEAD),
    ("train.learning_rate", 0.002, HEAD),
    ("train.batch_size", 5, HEAD),
    ("train.epochs", 2, HEAD),
    ("train.patience", 9, {"train", "report"}),  # four epochs are over before: the same head
    ("train.class_weight", "balanced", HEAD),
    ("train.validation_split", 0.4, HEAD),
    ("train.refit", True, HEAD),
    ("train.seed", 2, HEAD),
    (
        "train.fine_tune_optimizer",
        "adam",
        {"train", "report"},
    ),  # without epochs they have no effect
    ("train.fine_tune_learning_rate", 0.1, {"train", "report"}),
    ("train.fine_tune_momentum", 0.1, {"train", "report"}),
    ("train.fine_tune_batch_size", 2, {"train", "report"}),
    ("train.fine_tune_patience", 2, {"train", "report"}),
    ("extract.tta_views", 2, {"extract", "inspect", *HEAD}),
    ("predict.top_k", 2, {"predict", "report"}),
    ("export.openvino", False, {"export", "report"}),
    ("export.keras", True, {"export", "report"}),
    ("export.saved_model", True, {"export", "report"}),
    ("export.onnx", True, {"export", "report"}),
    ("export.tflite", True, {"export", "report"}),
    ("export.tflite_int8", True, {"export", "report"}),
]


def predictions(project: Project) -> list[dict[str, str]]:
    with (project.folder / "results" / "predictions.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def lock(project: Project) -> dict:
    return yaml.safe_load((project.folder / "dvc.lock").read_text())


@pytest.fixture(scope="module")
def steered(finished, tmp_path_factory) -> Project:
    return copy(finished, tmp_path_factory.mktemp("steered") / "project")


@pytest.mark.parametrize(("name", "value", "expected"), TABLE)
def test_a_changed_param_reruns_exactly(name, value, expected, steered):
    before = steered.set(name, value)
    try:
        assert steered.repro() == expected
    finally:
        steered.set(name, before)
    assert steered.repro() == set()  # the run cache has it all


def test_the_table_names_every_param(finished):
    document = yaml.safe_load((finished.folder / "params.yaml").read_text())
    every = {f"{section}.{key}" for section, values in document.items() for key in values}
    needs_maps = {"train.fine_tune_epochs"}
    assert {name for name, _, _ in TABLE} == every - needs_maps


@pytest.fixture(scope="module")
def tuned(random_weights, tmp_path_factory) -> Project:
    """A project with altered copies, maps, fine-tuning and averaged predictions."""
    project = make_project(tmp_path_factory.mktemp("tuned"), random_weights)
    for name, value in {
        "freeze.last_layer": "mixed9",
        "freeze.pooling": "none",
        "extract.augmented_copies": 1,
        "train.fine_tune_epochs": 1,
        "extract.tta_views": 2,
    }.items():
        project.set(name, value)
    assert project.repro() == EVERY
    return project


def new(project: Project) -> tuple[int, int]:
    """Returns the views there are, and those that `extract` computed in the last run."""
    found = re.search(r"^extract: \d+ images in (\d+) views, (\d+) new", project.output, re.M)
    return int(found[1]), int(found[2])


def test_more_copies_compute_only_those_and_fewer_none(tuned):
    assert new(tuned) == (18 * 3 + 3 * 2, 60)
    tuned.set("extract.augmented_copies", 3)
    assert tuned.repro() == {"extract", "inspect", *HEAD}
    assert new(tuned) == (18 * 5 + 3 * 2, 36)
    tuned.set("extract.augmented_copies", 2)
    tuned.repro()
    assert new(tuned) == (18 * 4 + 3 * 2, 0)
    tuned.set("extract.augmented_copies", 1)
    assert tuned.repro() == set()


def test_other_ranges_make_other_copies_of_the_training_images_alone(tuned):
    before = tuned.set("extract.zoom_range", 0.1)
    assert tuned.repro() == {"extract", "inspect", *HEAD}
    assert new(tuned) == (60, 18)
    tuned.set("extract.zoom_range", before)
    assert tuned.repro() == set()


def test_fine_tuning_params_rerun_the_training(tuned):
    for name, value in (("fine_tune_epochs", 2), ("fine_tune_learning_rate", 0.01)):
        before = tuned.set(f"train.{name}", value)
        assert tuned.repro() >= {"train"}
        tuned.set(f"train.{name}", before)
    assert tuned.repro() == set()


def test_averaging_leaves_the_head_as_it_was(tuned):
    head = lock(tuned)["stages"]["train"]["outs"][0]
    before = predictions(tuned)
    tuned.set("extract.tta_views", 1)
    assert tuned.repro() == {"extract", "inspect", *HEAD}
    assert lock(tuned)["stages"]["train"]["outs"][0] == head
    assert predictions(tuned) != before
    tuned.set("extract.tta_views", 2)
    assert tuned.repro() == set()


def test_maps_and_views_are_the_same_bytes_without_the_store_and_in_other_batches(tuned):
    before = lock(tuned)
    shutil.rmtree(tuned.folder / ".cache")
    tuned.set("extract.batch_size", 7)
    assert tuned.repro("-f") == EVERY
    assert lock(tuned) == before


def test_a_new_test_image(project):
    draw(project.folder / "input" / "test" / "new.jpg", "cross", 200)
    heads = lock(project)["stages"]["train"]
    assert project.repro() == {"validate", "extract", "inspect", "predict", "report"}
    assert lock(project)["stages"]["train"] == heads
    assert "input/test/new.jpg" in [row["path"] for row in predictions(project)]


def test_a_new_training_image(project):
    draw(project.folder / "input" / "train" / "cross" / "new.jpg", "cross", 201)
    assert project.repro() == EVERY - {"fetch", "freeze"}


def test_a_renamed_training_image_leaves_the_head_as_it_was(project):
    folder = project.folder / "input" / "train" / "cross"
    head = lock(project)["stages"]["train"]["outs"][0]
    (folder / "0.jpg").rename(folder / "a new name.jpg")
    assert project.repro() == {
        "validate",
        "extract",
        "inspect",
        "train",
        "evaluate",
        "export",
        "report",
    }
    assert lock(project)["stages"]["train"]["outs"][0] == head


def test_an_edited_test_image_of_the_same_name(project):
    test = project.folder / "results" / "test.npz"
    before = features.read(test).features[:]
    draw(project.folder / "input" / "test" / "0.jpg", "square", 202)
    assert project.repro() == {"validate", "extract", "inspect", "predict", "report"}
    changed = (features.read(test).features[:] != before).any(axis=1)
    assert changed.tolist() == [True, False, False]


def test_a_removed_test_image(project):
    (project.folder / "input" / "test" / "0.jpg").unlink()
    assert project.repro() == {"validate", "extract", "inspect", "predict", "report"}
    assert [row["path"] for row in predictions(project)] == ["input/test/1.jpg", "input/test/2.jpg"]


@pytest.mark.parametrize("stage", ["predict", "evaluate", "validate", "inspect", "train", "report"])
def test_an_edit_of_a_stages_code_reruns_it_alone(stage, project):
    with (project.folder / "stages" / f"{stage}.py").open("a") as file:
        file.write("\n# a remark\n")
    assert project.repro() == {stage}


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


@needs_git
def test_two_clones_of_the_same_commit_and_data_agree(project, tmp_path):
    locks = []
    for name in ("one", "two"):
        project.shell("git", "clone", "-q", ".", str(tmp_path / name))
        clone = Project(tmp_path / name)
        for shape in COLOURS:
            for seed in range(6):
                draw(clone.folder / "input" / "train" / shape / f"{seed}.jpg", shape, seed)
        for seed in range(3):
            draw(clone.folder / f"input/test/{seed}.jpg", list(COLOURS)[seed], 100 + seed)
        (clone.folder / "dvc.lock").unlink()
        assert clone.repro() == EVERY
        locks.append((clone.folder / "dvc.lock").read_bytes())
    assert locks[0] == locks[1] == (project.folder / "dvc.lock").read_bytes()


def test_forced_runs_and_other_thread_counts_change_no_byte(project, monkeypatch):
    before = lock(project)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "1")
    assert project.repro("-f") == EVERY
    assert lock(project) == before


@pytest.mark.parametrize("batch_size", [1, 5, 64])
def test_the_batch_size_changes_no_byte(batch_size, project):
    before = lock(project)
    project.set("extract.batch_size", batch_size)
    assert project.repro("-f", "-s", "extract") == {"extract"}
    assert lock(project) == before


def test_no_test_folder_gives_an_empty_table(project):
    for path in (project.folder / "input" / "test").iterdir():
        path.unlink()
    (project.folder / "input" / "test").rmdir()
    done = project.shell("dvc", "repro")
    assert "no images in input/test: the predictions will be empty" in done.stdout
    assert predictions(project) == []


def test_a_labelled_test_folder_is_scored(project):
    folder = project.folder / "input" / "test"
    for number, shape in enumerate(COLOURS):
        (folder / shape).mkdir()
        (folder / f"{number}.jpg").rename(folder / shape / f"{number}.jpg")
    project.repro()
    metrics = json.loads((project.folder / "results" / "metrics.json").read_text())
    assert metrics["test"]["n"] == 3
    assert [row["path"] for row in predictions(project)] == [
        "input/test/circle/0.jpg",
        "input/test/cross/1.jpg",
        "input/test/square/2.jpg",
    ]


def test_any_number_of_classes_is_taken_from_the_folders(project):
    for number in range(4):
        draw(project.folder / "input" / "train" / "a new one" / f"{number}.png", "cross", number)
    project.repro()
    head = json.loads((project.folder / "models" / "head" / "head.json").read_text())
    assert head["class_names"] == ["a new one", "circle", "cross", "square"]


def test_a_validation_folder_decides_what_validates(project):
    for shape in COLOURS:
        draw(project.folder / "input" / "validation" / shape / "v.jpg", shape, 300)
    project.repro()
    with (project.folder / "results" / "split.csv").open() as file:
        folds = {row["path"]: row["split"] for row in csv.DictReader(file)}
    validates = [path for path, fold in folds.items() if fold == "validation"]
    assert validates == [f"input/validation/{shape}/v.jpg" for shape in COLOURS]


def test_an_unreadable_test_file_has_a_row_with_its_reason(project):
    (project.folder / "input" / "test" / "1b.jpg").write_text("<html>")
    assert project.repro() == {"validate", "extract", "predict", "report"}
    rows = {row["path"]: row for row in predictions(project)}
    assert list(rows) == [f"input/test/{name}.jpg" for name in ("0", "1", "1b", "2")]
    assert rows["input/test/1b.jpg"]["status"] == "not_an_image"
    assert rows["input/test/1b.jpg"]["predicted"] == ""


@pytest.mark.parametrize("name", ["train.learning_rate", "freeze.last_layer", "predict.top_k"])
def test_a_wrong_param_is_one_line_and_leaves_no_trace(name, project):
    project.set(name, "2e-3")
    done = project.shell("dvc", "repro", ok=False)
    assert done.returncode != 0
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert line.startswith(f"error: params.yaml: {name} must be ")
    assert "Traceback" not in done.stderr


@needs_git
def test_experiments_and_their_comparison_work(project):
    done = project.shell("dvc", "exp", "run", "-S", "train.hidden_units=24")
    assert {stage for stage in EVERY if f"Running stage '{stage}'" in done.stdout} == HEAD
    assert "24" in project.shell("dvc", "exp", "show", "--csv").stdout
    assert "validation.log_loss" in project.shell("dvc", "metrics", "diff").stdout
    project.shell("dvc", "plots", "show")
    page = (project.folder / "dvc_plots" / "index.html").read_text(encoding="utf-8")
    assert "val_loss" in page and "Validation images" in page


@needs_git
def test_images_under_dvc_serve_experiments_in_a_temporary_folder(project):
    project.shell("dvc", "add", "input/train", "input/test")
    project.repro()
    commit(project, "images under DVC")
    done = project.shell("dvc", "exp", "run", "--temp", "-S", "predict.top_k=1")
    assert "Running stage 'predict'" in done.stdout
    assert "Running stage 'extract'" not in done.stdout


@needs_git
def test_the_checkout_stays_clean_but_for_what_belongs_to_git(finished, tmp_path):
    project = copy(finished, tmp_path / "clean")
    assert project.shell("git", "status", "--short").stdout == ""
    tracked = project.shell("git", "ls-files").stdout.split()
    assert {"dvc.lock", "results/metrics.json", "results/dataset.json"} <= set(tracked)
    assert not [path for path in tracked if path.startswith(("input/train", "input/test"))]


def test_nothing_in_a_result_names_the_machine(finished):
    for folder in ("results", "models/head", "models/base"):
        for path in (finished.folder / folder).iterdir():
            if path.is_file():
                content = path.read_bytes()
                assert str(finished.folder).encode() not in content


def test_a_project_starts_from_nothing(tmp_path, random_weights):
    project = make_project(tmp_path / "new", random_weights)
    for path in sorted((project.folder / "input").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    done = project.shell("dvc", "repro", ok=False)
    assert "error: input/train: no such folder; put the images of each class in" in done.stderr
