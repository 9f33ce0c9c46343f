from classifier.images import conversion
from classifier.images.grey_levels import Range

RANGES = {"16-bit": Range(0, 4095), "32-bit": Range(-30.5, 1e-7)}


def test_black_and_white_are_written_and_read_back():
    text = conversion.with_ranges("32-bit sRGB", RANGES)
    assert text == "32-bit -30.5 1e-07 sRGB"
    assert conversion.ranges(text) == {"32-bit": RANGES["32-bit"]}
    assert conversion.ranges("") == conversion.ranges("sRGB opaque") == {}


def test_the_depths_of_all_images_are_listed_once():
    texts = [conversion.with_ranges(depth, RANGES) for depth in ("32-bit", "", "16-bit", "16-bit")]
    assert conversion.all_ranges(texts) == "16-bit 0 4095 32-bit -30.5 1e-07"


def test_only_converted_images_depend_on_more_than_their_bytes():
    assert conversion.key("") == ""
    assert conversion.key("16-bit 0 4095") == "16-bit 0 4095"
    assert conversion.key("sRGB").startswith("sRGB sRGB 1, littlecms2 ")
