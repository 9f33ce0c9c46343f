"""Keras's optimizers by TensorFlow's own kernels: one pass over the weights where Keras makes ten.

A step on a head of two million weights then takes half as long (benchmarks/fit.py); the weights
that come out are the same but for rounding.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

Apply = Callable[[Sequence[Any]], None]  # takes the gradients of the variables, in their order


def build(optimizer: "keras.optimizers.Optimizer", variables: Sequence[Any]) -> Apply:
    """Returns what applies gradients to Keras variables as the optimizer would.

    Args:
        optimizer: Keras's SGD, RMSprop, Adam or AdamW, in their usual form: not centred, without
            Nesterov's momentum, AMSGrad or clipping.
        variables: of the model.
    """
    kind = {"SGD": _sgd, "RMSprop": _rmsprop, "Adam": _adam, "AdamW": _adamw}
    return kind[optimizer.__class__.__name__](optimizer, [v.value for v in variables])


def _applying(variables: Sequence[Any], slots: int, step: Callable[..., object]) -> Apply:
    """Returns what calls `step` with each variable, its own `slots` and its gradient."""
    from stages.backend import tf

    own = [[tf.Variable(tf.zeros_like(one)) for _ in range(slots)] for one in variables]

    def apply(gradients: Sequence[Any]) -> None:
        for variable, kept, gradient in zip(variables, own, gradients, strict=True):
            step(variable.handle, *(slot.handle for slot in kept), gradient)

    return apply


def _sgd(optimizer: Any, variables: Sequence[Any]) -> Apply:
    from stages.backend import tf

    rate, momentum = float(optimizer.learning_rate), optimizer.momentum

    def plain(variable: Any, gradient: Any) -> None:
        tf.raw_ops.ResourceApplyGradientDescent(var=variable, alpha=rate, delta=gradient)

    def moving(variable: Any, moved: Any, gradient: Any) -> None:
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=variable, accum=moved, lr=rate, grad=gradient, momentum=momentum
        )

    return _applying(variables, 1, moving) if momentum else _applying(variables, 0, plain)


def _rmsprop(optimizer: Any, variables: Sequence[Any]) -> Apply:
    from stages.backend import tf

    def step(variable: Any, squares: Any, moved: Any, gradient: Any) -> None:
        tf.raw_ops.ResourceApplyRMSProp(
            var=variable,
            ms=squares,
            mom=moved,
            lr=float(optimizer.learning_rate),
            rho=optimizer.rho,
            momentum=float(optimizer.momentum),
            epsilon=optimizer.epsilon,
            grad=gradient,
        )

    return _applying(variables, 2, step)


def _adam(optimizer: Any, variables: Sequence[Any]) -> Apply:
    from stages.backend import tf

    rate, one, two = float(optimizer.learning_rate), optimizer.beta_1, optimizer.beta_2
    steps = tf.Variable(0.0)

    def step(variable: Any, mean: Any, squares: Any, gradient: Any) -> None:
        tf.raw_ops.ResourceApplyAdam(
            var=variable,
            m=mean,
            v=squares,
            beta1_power=one**steps,
            beta2_power=two**steps,
            lr=rate,
            beta1=one,
            beta2=two,
            epsilon=optimizer.epsilon,
            grad=gradient,
        )

    applying = _applying(variables, 2, step)

    def apply(gradients: Sequence[Any]) -> None:
        steps.assign_add(1.0)
        applying(gradients)

    return apply


def _adamw(optimizer: Any, variables: Sequence[Any]) -> Apply:
    rate, decay = float(optimizer.learning_rate), optimizer.weight_decay
    adam = _adam(optimizer, variables)

    def apply(gradients: Sequence[Any]) -> None:
        for variable in variables:
            variable.assign_sub(variable * (decay * rate))
        adam(gradients)

    return apply
