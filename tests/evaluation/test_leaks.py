from classifier.evaluation import leaks


def test_the_copies_survive_writing_and_reading(tmp_path):
    copies = {"input/test/b.jpg": "input/train/a/2.jpg", "input/test/=a.jpg": "input/train/a/1.jpg"}
    leaks.write(tmp_path / "leaks.csv", copies)
    assert leaks.read(tmp_path / "leaks.csv") == copies
