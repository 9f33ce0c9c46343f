"""Only new content goes through the network, and nobody can tell from the outputs."""

import re
import shutil

import pytest
from PIL import Image

from tests.project import GIT, Project, commit, draw, needs_git

pytestmark = pytest.mark.slow

QUEUED = {
    "one": "freeze.image_height=80",
    "two": "freeze.image_height=80",
    "three": "train.hidden_units=5",
}
OUTPUTS = ("results/features_train.npz", "results/features_test.npz")


def extracted(project: Project) -> tuple[int, int] | None:
    """Runs `dvc repro` up to extract and returns images and forward passes; None: not run."""
    project.repro("extract")
    said = re.search(r"^extract: (\d+) images, (\d+) new -> .*, (\d+) reused", project.output, re.M)
    if not said:
        return None
    images, new, reused = map(int, said.groups())
    assert new + reused == images
    return images, new


def outputs(project: Project) -> list[bytes]:
    return [(project.folder / path).read_bytes() for path in OUTPUTS]


def check_against_a_full_run(project: Project) -> None:
    """Checks that the outputs are those of a run without store, run cache or earlier outputs."""
    incremental = outputs(project)
    for path in (".cache", ".dvc/cache", ".git"):
        shutil.rmtree(project.folder / path, ignore_errors=True)
    for path in OUTPUTS:
        (project.folder / path).unlink()
    project.shell("dvc", "config", "core.no_scm", "true")
    images, new = extracted(project)
    assert 0 < new <= images
    assert outputs(project) == incremental


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
        (touch, None),
    ],
)
def test_content_decides_what_is_computed(event, expected, project):
    event(project.folder / "input")
    assert extracted(project) == expected


def test_an_edit_in_place_that_keeps_name_and_size_is_computed(project):
    path = project.folder / "input" / "test" / "plain.bmp"
    Image.new("RGB", (90, 90), "red").save(path)
    size = path.stat().st_size
    assert extracted(project) == (22, 1)
    Image.new("RGB", (90, 90), "blue").save(path)
    assert path.stat().st_size == size
    assert extracted(project) == (22, 1)


def test_other_image_sizes_and_cuts_are_kept_side_by_side(project):
    before = outputs(project)
    for name, value in (("freeze.image_height", 80), ("freeze.last_layer", "mixed0")):
        was = project.set(name, value)
        assert extracted(project) == (21, 21)
        project.set(name, was)
        shutil.rmtree(project.folder / ".dvc" / "cache" / "runs")  # the store has to do it alone
        assert extracted(project) == (21, 0)
        assert outputs(project) == before


@pytest.mark.parametrize("module", ["images", "openvino_engine"])
def test_other_code_between_bytes_and_features_uses_no_old_row(module, project):
    add_remark(project, module)
    assert extracted(project) == (21, 21)


def test_code_that_cannot_reach_the_features_keeps_every_row(project):
    reaching = {"images", "openvino_engine"}
    for path in sorted((project.folder / "stages").glob("*.py")):
        if path.stem not in reaching:
            add_remark(project, path.stem)
    assert extracted(project) == (21, 0)


def add_remark(project: Project, module: str) -> None:
    with (project.folder / "stages" / f"{module}.py").open("a", encoding="utf-8") as file:
        file.write("\n# a remark\n")


def test_a_changed_head_computes_no_features(project):
    project.set("train.hidden_units", 5)
    assert project.repro() == {"train", "predict", "evaluate", "export", "report"}


def test_what_grew_image_by_image_equals_a_full_run(project):
    inputs = project.folder / "input"
    for event in (add, duplicate, move_between_classes, add_a_class):
        event(inputs)
        extracted(project)
    check_against_a_full_run(project)


def test_a_deleted_store_is_filled_from_the_last_commit_else_computed(project):
    before = outputs(project)
    shutil.rmtree(project.folder / ".cache")
    said = project.stage("extract").stdout
    assert ("21 images, 0 new" if GIT else "21 images, 21 new") in said
    check_against_a_full_run(project)
    assert outputs(project) == before


@needs_git
def test_a_fresh_clone_computes_only_what_its_owner_adds(project, tmp_path):
    project.shell("dvc", "add", "input/train", "input/test")
    project.repro()
    project.shell("dvc", "remote", "add", "-d", "storage", str(tmp_path / "storage"))
    commit(project, "images under DVC")
    project.shell("dvc", "push")
    project.shell("git", "clone", "-q", ".", str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone")
    clone.shell("dvc", "pull")
    assert clone.repro() == set()
    add(clone.folder / "input")
    assert extracted(clone) == (22, 1)
    add(project.folder / "input")
    project.repro("extract")
    assert outputs(clone) == outputs(project)


@needs_git
def test_experiments_in_temporary_folders_share_the_store(project):
    project.shell("dvc", "add", "input/train", "input/test")
    project.repro()
    commit(project, "images under DVC")
    shutil.rmtree(project.folder / ".dvc" / "cache" / "runs")
    done = project.shell("dvc", "exp", "run", "--temp", "-f", "-S", "train.hidden_units=5")
    assert "extract: 21 images, 0 new" in done.stdout


@needs_git
def test_a_queue_of_experiments_shares_the_store(project):
    project.shell("dvc", "add", "input/train", "input/test")
    project.repro()
    commit(project, "images under DVC")
    for name, change in QUEUED.items():
        project.shell("dvc", "exp", "run", "--queue", "-n", name, "-S", change)
    project.shell("dvc", "exp", "run", "--run-all", "-j", "2")
    said = {name: project.shell("dvc", "queue", "logs", name).stdout for name in QUEUED}
    new = [int(n) for text in said.values() for n in re.findall(r" images, (\d+) new ", text)]
    assert len(new) in (1, 2)  # the second may find the first's outputs in the run cache
    assert 21 <= sum(new) <= 42
    assert "Running stage 'extract'" not in said["three"]
    refs = project.shell("git", "for-each-ref", "refs/exps", "--format=%(refname)").stdout.split()
    locks = [project.shell("git", "show", f"{ref}:dvc.lock").stdout for ref in refs]
    assert len(locks) == 3 and len(set(locks)) == 2
