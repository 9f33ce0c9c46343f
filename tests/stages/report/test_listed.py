from stages.report.listed import Listed


def test_all_items_are_counted_and_the_first_of_each_kind_kept():
    found = Listed.of(["a1", "b1", "a2", "a3"], lambda item: item[0], 2)
    assert found.shown == ["a1", "b1", "a2"] and found.counts == {"a": 3, "b": 1}
