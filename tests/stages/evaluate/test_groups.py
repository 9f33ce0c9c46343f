import numpy as np
import pytest
from scipy import stats

from stages.evaluate.groups import compare


def test_a_higher_accuracy_without_groups_is_told():
    correct = np.arange(200) < 160
    result = compare(correct, np.arange(200) < 180)
    assert result == {"accuracy": 0.9, "differs": True}
    assert not compare(correct, correct)["differs"]
    assert not compare(correct, np.arange(200) < 140)["differs"]  # lower: no warning


@pytest.mark.parametrize("gained", range(6, 30, 3))
def test_the_test_is_mcnemars(gained):
    correct, other = np.zeros(100, bool), np.zeros(100, bool)
    correct[:4], other[50 : 50 + gained] = True, True
    exact = stats.binomtest(gained, gained + 4, alternative="greater").pvalue
    assert compare(correct, other)["differs"] == (exact < 0.008)  # the normal law is approximate
