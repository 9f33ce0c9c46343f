import numpy as np
import pytest

from classifier.backbone import upper_blocks
from classifier.inference import base, engine
from tests.frozen_base import freeze_params, keras_features, noise, write_base


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["mixed8", "mixed10"])
def test_base_and_upper_blocks_together_equal_the_whole_keras_model(
    layer, random_weights, tmp_path
):
    write_base(random_weights, freeze_params(layer, 90, 121, pooling="none"), tmp_path)
    pixels = noise(90, 121)
    maps = engine.load(tmp_path).features(pixels)
    vectors = np.asarray(upper_blocks.read(tmp_path)(maps, training=False))
    expected = keras_features(random_weights, "mixed10", pixels)
    assert vectors == pytest.approx(expected, abs=1e-4 * float(expected.max()))


@pytest.mark.slow
def test_the_upper_blocks_do_not_count_in_the_hash_of_the_base(random_weights, tmp_path):
    write_base(random_weights, freeze_params("mixed9", pooling="none"), tmp_path)
    before = base.files_hash(tmp_path)
    (tmp_path / upper_blocks.WEIGHTS).write_bytes(b"other weights")
    assert base.files_hash(tmp_path) == before


def test_a_base_that_returns_vectors_has_no_upper_blocks(random_weights, tmp_path):
    write_base(random_weights, freeze_params("mixed0"), tmp_path)
    assert not list(tmp_path.glob("upper.*"))
