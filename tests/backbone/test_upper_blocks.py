import numpy as np
import pytest

from classifier.backbone import upper_blocks
from classifier.inference import engine
from stages import freeze
from tests.test_freeze import noise, settings, uncut, write


@pytest.mark.parametrize("cut", ["mixed8", "mixed10"])
def test_base_and_top_are_together_the_uncut_keras_model(cut, random_weights, tmp_path):
    chosen = settings(cut, 90, 121, pooling="none")
    base = engine.load(write(random_weights, chosen, tmp_path))
    pixels = noise(90, 121)
    vectors = np.asarray(upper_blocks.read(tmp_path)(base.features(pixels), training=False))
    expected = uncut(random_weights, "mixed10", pixels)
    assert vectors == pytest.approx(expected, abs=1e-4 * float(expected.max()))


def test_its_files_have_no_say_in_the_features(random_weights, tmp_path):
    write(random_weights, settings("mixed8", pooling="none"), tmp_path)
    before = engine.fingerprint(tmp_path)
    (tmp_path / upper_blocks.WEIGHTS).write_bytes(b"others")
    assert engine.fingerprint(tmp_path) == before


def test_without_maps_there_is_none(random_weights, tmp_path):
    assert freeze.inception(random_weights, settings("mixed8"))[1] is None
    write(random_weights, settings("mixed8"), tmp_path)
    assert not list(tmp_path.glob("top.*"))
