import sys

import numpy as np
import pytest

from classifier.backbone import calibration_images, openvino_convert
from classifier.inference import base
from classifier.inference.openvino_engine import write
from stages import freeze
from tests.test_freeze import settings


@pytest.fixture(scope="module")
def network(random_weights):
    model, _ = freeze.inception(random_weights, settings("mixed1"))
    return openvino_convert.convert(freeze.with_scaling(freeze.fold_batch_norm(model)))


def test_any_number_of_images_is_taken(network):
    (pixels,) = network.inputs
    assert str(pixels.get_partial_shape()) == "[?,75,75,3]"
    assert pixels.get_element_type().to_string() == "u8"


def test_weights_become_int8(network, tmp_path):
    write(network, tmp_path / base.NETWORK)
    size = (tmp_path / "base.bin").stat().st_size
    images = [calibration_images.draw_image(number, 75, 75) for number in range(3)]
    write(openvino_convert.quantize(network, images), tmp_path / base.NETWORK)
    assert (tmp_path / "base.bin").stat().st_size < 0.3 * size


def test_what_it_is_calibrated_on_matters(network, tmp_path):
    contents = []
    for level in (50, 250):
        flat = [np.full((75, 75, 3), level, np.uint8)]
        write(openvino_convert.quantize(network, flat), tmp_path / base.NETWORK)
        contents.append((tmp_path / "base.bin").read_bytes())
    assert contents[0] != contents[1]


def test_quantizing_is_silent_where_nobody_looks_on(network, capfd):
    openvino_convert.quantize(network, [calibration_images.draw_image(0, 75, 75)])
    assert capfd.readouterr() == ("", "")


def test_no_usage_statistics_are_sent():
    import nncf
    from nncf.telemetry import wrapper

    assert nncf.__version__
    assert sys.modules["openvino_telemetry"] is None
    assert isinstance(wrapper.telemetry, wrapper.NNCFTelemetryStub)
