import hashlib
import time
from pathlib import Path

import numpy as np
import pytest

from classifier.common.errors import StageError
from classifier.dataset import label_list, label_writer
from classifier.dataset.findings import Finding
from classifier.dataset.label_writer import NewLine
from classifier.labelling.images import Images, pool_files
from classifier.labelling.page_requests import WrongError, check_name
from classifier.labelling.selection import BATCH
from classifier.labelling.session import Session
from tests.labelling.blobs import blobs

CLASSES = ("cat", "dog", "cow", "hen")


@pytest.fixture
def session(inside):
    """Returns a function that starts a session on 120 images, the first ten in class folders."""
    points, classes = blobs()
    paths = [
        Path("input", *(("train", CLASSES[c]) if n < 10 else ("unlabelled",)), f"{n:03}.jpg")
        for n, c in enumerate(classes)
    ]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(path.name.encode())
    label_writer.prepare()
    hashes = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    opened = []

    def start(by: str = "ann", findings: tuple[Finding, ...] = ()) -> Session:
        files = pool_files(label_list.read())
        assert sorted(file.path for file in files) == sorted(paths)
        order = [paths.index(file.path) for file in files]
        images = Images([paths[n] for n in order], [hashes[n] for n in order], points[order], 0)
        opened.append(Session(files, images, findings, by))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def truth(session: Session, place: int) -> str:
    return CLASSES[int(session.files[place].path.stem) % 4]


def test_images_are_asked_one_by_one_with_the_guess_first(session):
    one, right = session(), 0
    for _ in range(40):
        item = one.next_image("me")
        place = item["images"][0]["id"]
        right += item["guesses"][0][0] == truth(one, place)
        one.label("me", [place], truth(one, place))
    status = one.status("me")
    assert (status["labelled"], status["open"], status["images"]) == (50, 70, 120)
    assert right > 25
    assert one.learn().found[-1][0] == 50
    assert sum(number for _, number in one.status("me")["classes"]) == 50


def test_a_group_is_of_images_that_look_alike_and_can_be_split(session):
    one = session()
    places = [image["id"] for image in one.next_group("me")["images"]]
    assert len({truth(one, place) for place in places}) == 1
    halves = one.split(places)
    found = [[image["id"] for image in half["images"]] for half in halves]
    assert all(found) and sorted(found[0] + found[1]) == sorted(places)
    one.label("me", places, "cat")
    assert {label_list.read()[one.files[place].path].label for place in places} == {"cat"}


def test_undo_brings_back_what_was_before(session):
    one = session()
    one.label("me", [20, 21], "cat")
    one.label("me", [20], "dog")
    one.label("me", [21], "", exclude=True)
    assert one.file(21).split == "none"
    assert one.undo("somebody else") == []
    assert one.undo("me") == [21] and one.undo("me") == [20]
    assert (one.file(20).folder, one.file(21).folder) == ("cat", "cat")
    assert one.undo("me") == [20, 21] and one.undo("me") == []
    assert (one.file(20).split, one.file(20).folder) == ("unlabelled", "")
    again = session()
    assert [again.file(place) for place in (20, 21)] == [one.file(place) for place in (20, 21)]


def test_two_people_are_asked_about_different_images(session):
    one = session()
    first, second = one.next_image("a"), one.next_image("b")
    assert first["images"] != second["images"]
    assert one.next_image("a")["images"] == first["images"]
    one.skip("a", [first["images"][0]["id"]])
    assert one.next_image("a")["images"] not in (first["images"], second["images"])


def test_what_another_process_writes_counts_at_once(session):
    one, other = session("ann"), session("bob")
    one.label("me", [30], "cat")
    other.label("you", [31], "dog")
    assert one.status("me")["labelled"] == other.status("you")["labelled"] == 12
    one.label("me", [30], "dog")
    assert other.next_image("you") and other.file(30).folder == "dog"


def test_a_copy_of_a_labelled_image_is_not_asked_about(session):
    Path("input/unlabelled/050.jpg").write_bytes(b"051.jpg")
    one = session()
    place = next(n for n, file in enumerate(one.files) if file.path.name == "051.jpg")
    before = one.status("me")["open"]
    one.label("me", [place], "cat")
    assert one.status("me")["open"] in (before - 1, before - 2)


def test_findings_are_asked_until_somebody_has_decided(session):
    paths = [f"input/train/{CLASSES[n % 4]}/{n:03}.jpg" for n in range(3)]
    kinds = [("cat", "wrong_label", "dog"), ("dog", "outlier", ""), ("cow", "duplicate", "")]
    found = [
        Finding(path, label, kind, 1.0, suggested, paths[0] if kind == "duplicate" else "", "why")
        for path, (label, kind, suggested) in zip(paths, kinds, strict=True)
    ]
    one = session(findings=tuple(found))
    item = one.next_finding("me")
    assert [name for name, _ in item["guesses"][:2]] == ["dog", "cat"]
    one.label("me", [item["images"][0]["id"]], "cat")  # its label is right
    item = one.next_finding("me")
    assert item["finding"] == "outlier"
    one.label("me", [item["images"][0]["id"]], "", exclude=True)
    item = one.next_finding("me")
    assert [image["path"] for image in item["other"]] == [paths[0]]
    one.skip("me", [item["images"][0]["id"]])
    assert one.next_finding("me") == {"kind": "none"}
    assert one.status("me")["findings"] == 1


def test_when_learning_fails_the_page_is_told_and_goes_on(session, capsys):
    one = session()
    before = one.learn()
    one.images.points.resize((50, 32), refcheck=False)  # the labels below are of others
    one.label("me", list(range(60, 60 + BATCH)), "cat")
    deadline = time.monotonic() + 10
    while not (problem := one.status("me")["problem"]) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert problem.startswith("The labels are saved, but learning from them failed: IndexError: ")
    assert "Traceback (most recent call last)" in capsys.readouterr().err
    assert one.next_image("me")["images"][0]["id"] == before.batch[0]


@pytest.mark.parametrize("name", ["", " ", ".hidden", "a/b", "a\\b", "a\nb", "x" * 101])
def test_names_that_no_folder_can_have_are_refused(name):
    with pytest.raises(WrongError):
        check_name(name)


@pytest.mark.parametrize("places", [[], [1, 1], [-1], [120]])
def test_images_that_are_not_there_are_refused(session, places):
    with pytest.raises(WrongError):
        session().label("me", places, "cat")


def test_a_list_that_was_made_wrong_meanwhile_is_told(session):
    one = session()
    label_writer.append([NewLine(Path("input/gone.jpg"), "cat", "", "", label_writer.now(), "")])
    with pytest.raises(StageError, match=r"path must be a file; got .gone\.jpg"):
        one.status("me")


def test_without_images_the_folder_is_named(inside):
    with pytest.raises(StageError, match="input/unlabelled: no images to label"):
        pool_files({})


def test_all_images_can_be_labelled(session):
    one = session()
    while (item := one.next_image("me"))["kind"] == "image":
        place = item["images"][0]["id"]
        one.label("me", [place], truth(one, place))
    assert one.status("me")["open"] == 0 and one.next_group("me") == {"kind": "none"}
    assert np.isclose(one.learn().found[-1][1], 1, atol=0.05)


def test_an_excluded_image_teaches_nothing(session):
    one = session()
    place = next(n for n, file in enumerate(one.files) if file.path.name == "060.jpg")
    one.label("me", [place], "", exclude=True)
    before = one.learn()
    one.images.points[place] += 1  # it could be any other image
    after = one.learn()
    others = np.delete(np.arange(120), place)
    np.testing.assert_array_equal(after.probabilities[others], before.probabilities[others])
