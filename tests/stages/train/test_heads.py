from stages.train.heads import HEADS
from tests.stages.train.samples import settings


def test_a_dense_head_is_dense_dropout_softmax():
    model = HEADS["dense"](6, 3, settings(hidden_units=5, dropout=0.3))
    assert [layer.__class__.__name__ for layer in model.layers] == ["Dense", "Dropout", "Dense"]
    first, dropout, last = model.layers
    assert (first.units, first.activation.__name__, dropout.rate) == (5, "relu", 0.3)
    assert (last.units, last.activation.__name__) == (3, "softmax")


def test_a_dense_head_without_hidden_units_is_a_single_layer():
    model = HEADS["dense"](6, 3, settings(hidden_units=0))
    assert [layer.__class__.__name__ for layer in model.layers] == ["Dense"]
    assert [weights.shape for weights in model.get_weights()] == [(6, 3), (3,)]
