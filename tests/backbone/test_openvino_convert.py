import sys

import numpy as np
import pytest

from classifier.backbone import inception, openvino_convert
from classifier.backbone.calibration_images import draw_image
from classifier.inference.openvino_engine import write
from tests.frozen_base import freeze_params


@pytest.fixture(scope="module")
def network(random_weights):
    model, _ = inception.load(random_weights, freeze_params("mixed1"))
    return openvino_convert.convert(inception.with_rescaling(inception.fold_batch_norm(model)))


def test_the_network_takes_uint8_batches_of_any_size(network):
    (pixels,) = network.inputs
    assert str(pixels.get_partial_shape()) == "[?,75,75,3]"
    assert pixels.get_element_type().to_string() == "u8"


def test_quantizing_makes_the_weights_int8_with_half_of_the_levels(network, tmp_path):
    write(network, tmp_path / "base.xml")
    size = (tmp_path / "base.bin").stat().st_size
    images = [draw_image(number, 75, 75) for number in range(3)]
    quantized = openvino_convert.quantize(network, images)
    write(quantized, tmp_path / "base.xml")
    assert (tmp_path / "base.bin").stat().st_size < 0.3 * size
    constants = [one for one in quantized.get_ops() if one.get_type_name() == "Constant"]
    weights = [one.data for one in constants if one.get_element_type().to_string() == "i8"]
    assert max(np.abs(array.astype(int)).max() for array in weights) == 64  # 2 * 64 * 255 < 2**15


def test_activation_ranges_come_from_the_calibration_images(network, tmp_path):
    contents = []
    for level in (50, 250):
        flat = [np.full((75, 75, 3), level, np.uint8)]
        write(openvino_convert.quantize(network, flat), tmp_path / "base.xml")
        contents.append((tmp_path / "base.bin").read_bytes())
    assert contents[0] != contents[1]


def test_quantizing_prints_nothing_outside_a_terminal(network, capfd):
    openvino_convert.quantize(network, [draw_image(0, 75, 75)])
    assert capfd.readouterr() == ("", "")


def test_no_usage_statistics_are_sent():
    import nncf
    from nncf.telemetry import wrapper

    assert nncf.__version__
    assert sys.modules["openvino_telemetry"] is None
    assert isinstance(wrapper.telemetry, wrapper.NNCFTelemetryStub)
