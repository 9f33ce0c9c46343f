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


def _zeros(variables: Sequence[Any]) -> list[Any]:
    from stages.backend import tf

    return [tf.Variable(tf.zeros_like(variable)) for variable in variables]


def _sgd(optimizer: Any, variables: Sequence[Any]) -> Apply:
    from stages.backend import tf

    rate, momentum = float(optimizer.learning_rate), optimizer.momentum
    if not momentum:

        def descend(gradients: Sequence[Any]) -> None:
            for variable, gradient in zip(variables, gradients, strict=True):
                tf.raw_ops.ResourceApplyGradientDescent(
                    var=variable.handle, alpha=rate, delta=gradient
                )

        return descend
    moved = _zeros(variables)

    def apply(gradients: Sequence[Any]) -> None:
        for variable, before, gradient in zip(variables, moved, gradients, strict=True):
            tf.raw_ops.ResourceApplyKerasMomentum(
                var=variable.handle,
                accum=before.handle,
                lr=rate,
                grad=gradient,
                momentum=momentum,
            )

    return apply


def _rmsprop(optimizer: Any, variables: Sequence[Any]) -> Apply:
    from stages.backend import tf

    rate = float(optimizer.learning_rate)
    squares, moved = _zeros(variables), _zeros(variables)

    def apply(gradients: Sequence[Any]) -> None:
        for variable, square, before, gradient in zip(
            variables, squares, moved, gradients, strict=True
        ):
            tf.raw_ops.ResourceApplyRMSProp(
                var=variable.handle,
                ms=square.handle,
                mom=before.handle,
                lr=rate,
                rho=optimizer.rho,
                momentum=float(optimizer.momentum),
                epsilon=optimizer.epsilon,
                grad=gradient,
            )

    return apply


def _adam(optimizer: Any, variables: Sequence[Any]) -> Apply:
    from stages.backend import tf

    rate, one, two = float(optimizer.learning_rate), optimizer.beta_1, optimizer.beta_2
    means, squares, steps = _zeros(variables), _zeros(variables), tf.Variable(0.0)

    def apply(gradients: Sequence[Any]) -> None:
        steps.assign_add(1.0)
        for variable, mean, square, gradient in zip(
            variables, means, squares, gradients, strict=True
        ):
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=mean.handle,
                v=square.handle,
                beta1_power=one**steps,
                beta2_power=two**steps,
                lr=rate,
                beta1=one,
                beta2=two,
                epsilon=optimizer.epsilon,
                grad=gradient,
            )

    return apply


def _adamw(optimizer: Any, variables: Sequence[Any]) -> Apply:
    rate, decay = float(optimizer.learning_rate), optimizer.weight_decay
    adam = _adam(optimizer, variables)

    def apply(gradients: Sequence[Any]) -> None:
        for variable in variables:
            variable.assign_sub(variable * (decay * rate))
        adam(gradients)

    return apply
