import numpy as np

from classifier.evaluation import scored_images
from tests.evaluation.cases import NAMES, random_case


def test_scored_images_survive_writing_and_reading(tmp_path):
    before = scored_images.score(*random_case(1), NAMES)
    scored_images.write(tmp_path / "a.csv", [str(number) for number in range(200)], before)
    after = scored_images.read(tmp_path / "a.csv")
    for name, column in vars(before).items():
        if name.endswith("probability"):
            np.testing.assert_allclose(vars(after)[name], column, rtol=1e-5)
        else:
            assert vars(after)[name].tolist() == column.tolist()
