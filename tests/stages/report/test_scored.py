from collections import Counter

from stages.report import scored


def test_of_many_cells_fewer_images_are_shown():
    few = Counter({("ant", "ant"): 500, ("ant", "bee"): 3})
    assert scored.examples_per_cell(few) == {("ant", "ant"): 60, ("ant", "bee"): 60}
    cells = Counter({(str(a), str(b)): 100 for a in range(100) for b in range(100)})
    assert set(scored.examples_per_cell(cells).values()) == {2}


def test_of_too_many_classes_only_frequent_confusions_have_images():
    cells = Counter({(str(a), str(a + 1)): a for a in range(1, 200)})
    shown = scored.examples_per_cell(cells)
    assert set(shown) == {(str(a), str(a + 1)) for a in range(180, 200)}
