from classifier.dataset.findings import Finding
from stages.evaluate.leaked_images import copies_of_training_images

TRAIN, EXCLUDED, TEST = "input/train/a/1.jpg", "input/train/a/2.jpg", "input/test/a/1.jpg"
SPLITS = {TRAIN: "train", EXCLUDED: "excluded"}


def finding(path: str, code: str, other: str) -> Finding:
    return Finding(path, "a", code, 1.0, "", other, "")


def test_a_test_image_leaks_if_either_image_of_the_pair_is_listed():
    for one, other in ((TRAIN, TEST), (TEST, TRAIN)):
        found = [finding(one, "in_train_and_test", other)]
        assert copies_of_training_images(found, {TEST}, SPLITS) == {TEST: TRAIN}


def test_a_copy_with_another_label_leaks_too():
    found = [finding(TEST, "label_conflict", TRAIN)]
    assert copies_of_training_images(found, {TEST}, SPLITS) == {TEST: TRAIN}


def test_copies_of_images_that_were_not_learned_from_do_not_leak():
    found = [finding(TEST, "in_train_and_test", EXCLUDED), finding(TRAIN, "duplicate", EXCLUDED)]
    found += [finding(TEST, "outlier", "")]
    assert copies_of_training_images(found, {TEST}, SPLITS) == {}
