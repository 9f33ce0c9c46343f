"""Only new content goes through the network, and the results do not show it."""

import re
import shutil

import pytest
from PIL import Image

from classifier.common import files
from classifier.evaluation import predictions
from tests.feature_tables import contents
from tests.project import GIT, Project, commit, copy, draw, needs_git, read_lock
from tests.source_code import run_here

QUEUED = {"one": "extract.tta_views=2", "two": "extract.tta_views=3"}
OUTPUTS = ("results/features_train", "results/features_test")


def counts(output: str) -> tuple[int, int] | None:
    """Returns the numbers of images and of forward passes that `extract` printed, if it ran."""
    line = re.search(r"^extract: (\d+) images, (\d+) new -> .*, (\d+) reused", output, re.M)
    if not line:
        return None
    images, new, reused = map(int, line.groups())
    assert new + reused == images
    return images, new


def extract(project: Project) -> tuple[int, int] | None:
    """Runs `dvc repro extract`."""
    project.repro("extract")
    return counts(project.output)


@pytest.fixture
def extract_here(results_only, capsys):
    """Runs `validate` and `extract` in this process, in the working directory."""

    def run() -> tuple[int, int] | None:
        run_here("validate")
        run_here("extract")
        return counts(capsys.readouterr().out)

    return run


def outputs(project: Project) -> list[dict[str, bytes]]:
    return [contents(project.folder / path) for path in OUTPUTS]


def add(inputs):
    draw(inputs / "train" / "cross" / "new.jpg", "cross", 300)


def rename(inputs):
    (inputs / "train" / "cross" / "0.jpg").rename(inputs / "train" / "cross" / "z.jpg")


def move_between_classes(inputs):
    (inputs / "train" / "cross" / "0.jpg").rename(inputs / "train" / "circle" / "z.jpg")


def move_from_test_to_train(inputs):
    (inputs / "test" / "0.jpg").rename(inputs / "train" / "circle" / "z.jpg")


def duplicate(inputs):
    shutil.copy(inputs / "train" / "cross" / "0.jpg", inputs / "test" / "copy.jpg")
    shutil.copy(inputs / "train" / "cross" / "0.jpg", inputs / "test" / "another.jpg")


def delete(inputs):
    (inputs / "train" / "cross" / "0.jpg").unlink()


def add_a_class(inputs):
    for number in range(4):
        draw(inputs / "train" / "round" / f"{number}.jpg", "circle", 400 + number)


def touch(inputs):
    (inputs / "train" / "cross" / "0.jpg").touch()
    (inputs / "test" / "0.jpg").touch()


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (add, (22, 1)),
        (rename, (21, 0)),
        (move_between_classes, (21, 0)),
        (move_from_test_to_train, (21, 0)),
        (duplicate, (23, 0)),
        (delete, (20, 0)),
        (add_a_class, (25, 4)),
        (touch, (21, 0)),
    ],
)
def test_content_decides_what_is_computed(event, expected, results_only, extract_here):
    event(results_only.folder / "input")
    assert extract_here() == expected


def test_dvc_does_not_run_extract_for_files_that_were_only_touched(project):
    touch(project.folder / "input")
    assert extract(project) is None


def test_an_edit_in_place_that_keeps_name_and_size_is_computed(results_only, extract_here):
    path = results_only.folder / "input" / "test" / "plain.bmp"
    Image.new("RGB", (90, 90), "red").save(path)
    size = path.stat().st_size
    assert extract_here() == (22, 1)
    Image.new("RGB", (90, 90), "blue").save(path)
    assert path.stat().st_size == size
    assert extract_here() == (22, 1)


def test_an_unlabelled_image_changes_nothing_of_the_others_and_gets_a_prediction(
    results_only, extract_here
):
    before = outputs(results_only)
    draw(results_only.folder / "input" / "unlabelled" / "new.jpg", "cross", 300)
    assert extract_here() == (22, 1)
    assert outputs(results_only) == before
    test_rows = files.read_csv(predictions.PATH)
    run_here("predict")
    assert files.read_csv(predictions.PATH) == test_rows
    (row,) = files.read_csv(predictions.UNLABELLED)
    assert row["path"] == "input/unlabelled/new.jpg" and row["class_1"]


def test_what_grew_image_by_image_equals_a_full_run(results_only, extract_here):
    inputs = results_only.folder / "input"
    for event in (add, duplicate, move_between_classes, add_a_class):
        event(inputs)
        extract_here()
    incremental = outputs(results_only)
    shutil.rmtree(results_only.folder / ".cache")
    for path in OUTPUTS:
        shutil.rmtree(results_only.folder / path)
    assert extract_here() == (28, 26)  # two are copies of another
    assert outputs(results_only) == incremental


@pytest.mark.slow
def test_a_new_image_changes_one_of_many_parts_and_dvc_leaves_the_others(project):
    def inodes():
        return {path: path.stat().st_ino for path in (project.folder / OUTPUTS[0]).iterdir()}

    code = project.folder / "stages" / "extract" / "parts.py"
    text = code.read_text(encoding="utf-8")
    code.write_text(re.sub(r"^MOST = .*", "MOST = 5", text, flags=re.M), encoding="utf-8")
    assert extract(project) == (21, 0)
    before = inodes()
    assert len(before) == 257
    add(project.folder / "input")
    assert extract(project) == (22, 1)
    after = inodes()
    changed = {path.name for path in before if after[path] != before[path]}
    assert len(changed) == 2 and "table.npz" in changed
    assert extract(project) is None


@pytest.mark.slow
def test_features_of_other_image_sizes_and_last_layers_stay_in_the_cache(project):
    before = outputs(project)
    other = {"freeze.image_height": 80, "freeze.layers": ["mixed0"]}
    defaults = {name: project.set(name, value) for name, value in other.items()}
    assert extract(project) == (21, 21)
    for name, value in defaults.items():
        project.set(name, value)
    shutil.rmtree(project.folder / ".dvc" / "cache" / "runs")  # or DVC restores the outputs
    assert extract(project) == (21, 0)
    assert outputs(project) == before


def test_a_new_version_of_decoding_computes_every_feature_again(project):
    path = project.folder / "classifier" / "cache" / "fingerprint.py"
    before = path.read_text(encoding="utf-8")
    after = re.sub(r"^DECODE = .*", "DECODE = 1000", before, flags=re.M)
    assert after != before
    path.write_text(after, encoding="utf-8")
    assert extract(project) == (21, 21)


def test_an_edit_of_a_comment_computes_no_feature(project):
    for folder in ("classifier", "stages"):
        for path in (project.folder / folder).rglob("*.py"):
            if path.name != "__init__.py":
                with path.open("a", encoding="utf-8") as file:
                    file.write("\n# a comment\n")
    for stage in ("code", "validate", "extract"):
        project.repro("-s", stage)
    assert counts(project.output) == (21, 0)


def test_a_deleted_cache_is_filled_from_the_last_commit_else_computed(project):
    before = outputs(project)
    shutil.rmtree(project.folder / ".cache")
    assert counts(project.stage("extract").stdout) == (21, 0 if GIT else 21)
    assert outputs(project) == before


@pytest.mark.slow
@needs_git
def test_a_fresh_clone_computes_only_what_its_owner_adds(images_under_dvc, tmp_path):
    project = copy(images_under_dvc, tmp_path / "project")
    project.shell("dvc", "remote", "add", "-d", "storage", str(tmp_path / "storage"))
    commit(project, "a remote")
    project.shell("dvc", "push")
    project.shell("git", "clone", "-q", ".", str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone")
    clone.shell("dvc", "pull")
    assert clone.repro() == set()
    add(clone.folder / "input")
    assert extract(clone) == (22, 1)
    add(project.folder / "input")
    project.repro("extract")
    assert outputs(clone) == outputs(project)


@pytest.mark.slow
@needs_git
def test_experiments_in_temporary_folders_share_the_cache(images_under_dvc, tmp_path):
    project = copy(images_under_dvc, tmp_path / "project")
    shutil.rmtree(project.folder / ".dvc" / "cache" / "runs")
    done = project.shell("dvc", "exp", "run", "--temp", "-f", "-S", "train.hidden_units=5")
    assert "extract: 21 images, 0 new" in done.stdout


@pytest.mark.slow
@needs_git
def test_a_queue_of_experiments_shares_the_cache(images_under_dvc, tmp_path):
    project = copy(images_under_dvc, tmp_path / "project")
    for name, change in QUEUED.items():
        project.shell("dvc", "exp", "run", "--queue", "-n", name, "-S", change)
    project.shell("dvc", "exp", "run", "--run-all")
    logs = {name: project.shell("dvc", "queue", "logs", name).stdout for name in QUEUED}
    views = [
        re.findall(r"in (\d+) views, (\d+) new .* (\d+) reused", logs[name]) for name in QUEUED
    ]
    assert views == [[("42", "21", "21")], [("63", "21", "42")]], logs
    refs = project.shell("git", "for-each-ref", "refs/exps", "--format=%(refname)").stdout.split()
    one, two = (read_lock(project.shell("git", "show", f"{ref}:dvc.lock").stdout) for ref in refs)
    assert one["extract"]["outs"] != two["extract"]["outs"]
    md5 = one["report"]["outs"][0]["md5"]
    page = project.folder / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]
    assert "“images under DVC”, the last one when" in page.read_text(encoding="utf-8")
