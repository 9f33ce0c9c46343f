import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from classifier.dataset import split

content = st.integers(0, 50).map(lambda number: f"{number:064x}")
images = st.lists(st.tuples(content, st.integers(0, 3)), min_size=1, max_size=60)
some = {f"{number:064x}": number % 3 for number in range(300)}


def assign(pairs, share=0.2, seed=1):
    return split.assign([c for c, _ in pairs], [label for _, label in pairs], share, seed)


@given(images)
def test_the_same_content_never_straddles(pairs):
    sides = {}
    for (sha256, _), fold in zip(pairs, assign(pairs), strict=True):
        assert sides.setdefault(sha256, fold) == fold


@given(images, st.randoms())
def test_order_names_and_folders_have_no_say(pairs, random):
    before = dict(zip(pairs, assign(pairs), strict=True))
    random.shuffle(pairs)
    assert dict(zip(pairs, assign(pairs), strict=True)) == before


def test_growing_reshuffles_nothing():
    pairs = list(some.items())
    assert assign(pairs)[:200] == assign(pairs[:200])


@given(st.lists(content, min_size=2, max_size=5, unique=True), st.floats(0.01, 0.99))
def test_a_class_of_two_or_more_contents_is_on_both_sides(contents, share):
    folds = assign([(sha256, 0) for sha256 in contents], share)
    assert set(folds) == {"train", "validation"}


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
def test_the_share_is_about_what_was_asked_in_each_class(share):
    pairs = list(some.items())
    for label in range(3):
        folds = [f for f, (_, own) in zip(assign(pairs, share), pairs, strict=True) if own == label]
        assert abs(folds.count("validation") / len(folds) - share) < 0.1


@given(st.integers(0, 1000))
def test_another_seed_draws_another_split(seed):
    pairs = list(some.items())
    assume(seed != 1)
    assert assign(pairs, seed=seed) != assign(pairs)


def test_the_table_survives(tmp_path):
    split.write(tmp_path / "split.csv", ["a,b", "c"], ["train", "validation"])
    assert split.read(tmp_path / "split.csv") == {"a,b": "train", "c": "validation"}
