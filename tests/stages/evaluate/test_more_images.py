import numpy as np
import pytest

from stages.evaluate.more_images import expected_gain, gaining_classes

IMAGES = np.array([40, 100, 200, 300, 400])


def draw(seed: int, error: float = 0.2, power: float = 0.4, count: int = 500) -> np.ndarray:
    """Returns which images are right, if the error falls as a power of the number of images."""
    rng = np.random.default_rng(seed)
    errors = error * (IMAGES / IMAGES[-1]) ** -power
    hardness = rng.random(count)[:, None]  # an image that few teach is also taught by more
    return (hardness > errors + rng.normal(0, 0.02, (count, 5))).astype(np.float32)


def test_the_interval_holds_the_gain_of_a_power_law():
    truth, alone = 0.2 * (1 - 2**-0.4), np.arange(500)
    gains = [expected_gain(IMAGES, draw(seed), alone) for seed in range(100)]
    assert np.mean([one.gain for one in gains]) == pytest.approx(truth, abs=0.01)
    assert np.mean([one.gain_low <= truth <= one.gain_high for one in gains]) >= 0.95


def test_where_more_images_did_not_help_twice_as_many_add_nothing():
    gain = expected_gain(IMAGES, draw(1, power=-0.1), np.arange(500))
    assert (gain.gain, gain.gain_low) == (0, 0)
    certain = expected_gain(IMAGES, np.ones((500, 5), np.float32), np.arange(500))
    assert certain.gain_high < 0.001


def test_images_of_a_group_tell_less():
    correct = np.repeat(draw(1, count=100), 5, axis=0)
    grouped = expected_gain(IMAGES, correct, np.repeat(np.arange(100), 5))
    alone = expected_gain(IMAGES, correct, np.arange(500))
    assert grouped.gain == alone.gain
    assert grouped.gain_high - grouped.gain > 1.2 * (alone.gain_high - alone.gain)


def test_two_fractions_or_none_tell_nothing():
    correct = draw(1)
    correct[:, :3] = np.nan
    assert expected_gain(IMAGES, correct, np.arange(500)) is None
    nothing = np.zeros(0, np.int32), np.zeros((0, 0), np.float32)
    assert expected_gain(*nothing, np.arange(500)) is None


def test_only_a_class_that_surely_gains_more_than_others_is_named():
    correct = np.concatenate([draw(1), draw(2, error=0.5, power=0.6), draw(3, error=0.02)])
    labels, alone = np.repeat(np.arange(3), 500), np.arange(1500)
    gain = expected_gain(IMAGES, correct, alone)
    named = gaining_classes(IMAGES, correct, alone, labels, gain)
    assert list(named) == [1] and named[1] == pytest.approx(0.5 * (1 - 2**-0.6), abs=0.05)
    assert gaining_classes(IMAGES, draw(1), np.arange(500), np.arange(500) % 5, gain) == {}
