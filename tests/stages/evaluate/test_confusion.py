import numpy as np

from classifier.evaluation import scored_images
from stages.evaluate import confusion
from tests.evaluation.cases import NAMES, random_case


def test_of_many_images_a_part_is_drawn(monkeypatch):
    scored = scored_images.score(*random_case(1), NAMES)
    columns = (scored.names[column] for column in (scored.label, scored.predicted))
    pairs = list(zip(*columns, strict=True))
    assert list(confusion.rows(scored)) == pairs
    monkeypatch.setattr(confusion, "ROWS", 80)
    assert list(confusion.rows(scored)) == pairs[::3]
    assert list(confusion.rows(scored.select(np.zeros(200, bool)))) == []
