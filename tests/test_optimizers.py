import numpy as np
import pytest

from stages import optimizers

RNG = np.random.default_rng(0)
START = [RNG.standard_normal(shape).astype(np.float32) for shape in ((4, 3), (3,))]
GRADIENTS = [[RNG.standard_normal(one.shape).astype(np.float32) for one in START] for _ in range(7)]
CONFIGS = [
    ("sgd", {}),
    ("sgd", {"momentum": 0.9}),
    ("rmsprop", {}),
    ("adam", {}),
    ("adam", {"beta_1": 0.8, "epsilon": 1e-3}),
    ("adamw", {"weight_decay": 0.1}),
]


def variables():
    from stages.backend import keras

    return [keras.Variable(one) for one in START]


@pytest.mark.parametrize(("name", "config"), CONFIGS)
def test_steps_are_kerass_own(name, config):
    from stages.backend import keras, tf

    def optimizer():
        config_ = {"learning_rate": 0.03, **config}
        return keras.optimizers.get({"class_name": name, "config": config_})

    ours, theirs, keras_ = variables(), variables(), optimizer()
    apply = optimizers.build(optimizer(), ours)
    for gradients in GRADIENTS:
        apply([tf.constant(one) for one in gradients])
        keras_.apply([tf.constant(one) for one in gradients], theirs)
    for one, other, start in zip(ours, theirs, START, strict=True):
        assert np.asarray(one) == pytest.approx(np.asarray(other), abs=5e-6)
        assert not np.allclose(np.asarray(one), start)
