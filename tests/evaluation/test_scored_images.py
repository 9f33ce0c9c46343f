import numpy as np

from classifier.evaluation import scored_images
from tests.evaluation.cases import NAMES, random_case


def test_ranks_are_those_of_a_stable_sort():
    probabilities = np.random.default_rng(1).integers(0, 4, (50, 6)) / 4
    labels = np.arange(50) % 6
    order = np.argsort(-probabilities, axis=1, kind="stable")
    expected = (order == labels[:, None]).argmax(axis=1) + 1
    assert np.array_equal(scored_images.ranks(probabilities, labels), expected)


def test_scored_images_survive_writing_and_reading(tmp_path):
    before = scored_images.score(*random_case(1), NAMES)
    scored_images.write(tmp_path / "a.csv", [str(number) for number in range(200)], before)
    after = scored_images.read(tmp_path / "a.csv")
    for name, column in vars(before).items():
        if name.endswith("probability"):
            np.testing.assert_allclose(vars(after)[name], column, rtol=1e-5)
        elif name in ("label", "predicted"):
            assert after.names[vars(after)[name]].tolist() == before.names[column].tolist()
        elif name != "names":
            assert vars(after)[name].tolist() == column.tolist()
