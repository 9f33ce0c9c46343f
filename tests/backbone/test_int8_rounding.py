import numpy as np
import pytest

from classifier.backbone import int8_rounding
from tests.stages.export.test_onnx_graph import quantized_network

VALUES = np.random.default_rng(0).uniform(3e-4, 0.02, 40)


def test_products_of_integers_and_an_odd_fraction_are_far_from_halves():
    fractions = int8_rounding.odd_fractions(VALUES)
    assert fractions == pytest.approx(VALUES, rel=1e-3)
    for value in fractions:
        products = np.arange(round(256 / value)) * value
        assert np.abs(products % 1 - 0.5).min() > 5e-5


def test_averages_of_4_6_and_9_integers_are_far_from_halves_too():
    for value in int8_rounding.odd_fractions(60 * VALUES, int8_rounding.POOLED):
        for count in (4, 6, 9):
            averages = np.arange(256 * count) * value / count
            assert np.abs(averages % 1 - 0.5).min() > 1e-4


def test_a_value_too_small_for_a_fraction_stays():
    assert int8_rounding.odd_fractions(np.array([1e-5])).tolist() == [1e-5]


def test_biases_become_whole_steps():
    operations = quantized_network().get_ordered_ops()
    first = next(one for one in operations if one.get_type_name() == "Convolution")
    scale = first.input_value(1).get_node().input_value(1).get_node().data
    (user,) = first.output(0).get_target_inputs()
    low, high = (first.input_value(0).get_node().input_value(n).get_node().data for n in (1, 2))
    levels = user.get_node().input_value(1).get_node().data.ravel() / scale.ravel()
    levels *= 255 / (high - low)
    assert levels == pytest.approx(np.round(levels), abs=0.01)
