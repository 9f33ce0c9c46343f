import numpy as np
import pytest

from classifier.backbone.calibration_images import draw_image


def test_the_number_alone_determines_the_image():
    assert np.array_equal(draw_image(3, 80, 120), draw_image(3, 80, 120))
    assert not np.array_equal(draw_image(3, 80, 120), draw_image(4, 80, 120))


@pytest.mark.parametrize("size", [(75, 75), (299, 299), (80, 201)])
def test_images_have_the_requested_size(size):
    image = draw_image(0, *size)
    assert (image.shape, image.dtype) == ((*size, 3), np.uint8)


def test_images_use_the_whole_range_of_levels():
    images = np.stack([draw_image(number, 100, 100) for number in range(20)])
    assert images.min() == 0 and images.max() == 255
    assert 40 < images.std() < 100


def test_amplitudes_fall_with_frequency_as_in_photographs():
    images = np.stack([draw_image(number, 128, 128) for number in range(20)]).mean(axis=-1)
    power = (np.abs(np.fft.rfft2(images - images.mean())) ** 2).mean(axis=0)
    low, high = power[0, 2:5].mean(), power[0, 20:50].mean()
    # amplitudes of 1/f fall by the ratio of the frequencies, about 10, and powers by its square
    assert 30 < low / high < 400
