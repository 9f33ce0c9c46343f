"""Pillow's antialiased bilinear filter as part of a network, for the exported models.

Along each axis the filter is a matrix product. The weight of source pixel j for target pixel i is
a triangle around i's centre, two target pixels wide where the image shrinks and two source pixels
wide where it grows: reach - |(2j + 1) * target - (2i + 1) * source|, clipped at 0, with
reach = 2 * max(source, target), divided by the sum of the row. As in classifier/images/decode.py
the width is resized first.

Pillow uses integers: weights are rounded to 22 bits, sums to whole levels. Float32 can do the same:
each weight is split into two 11-bit numbers, whose sums of products stay below 2**24 and are
therefore exact for images of up to about 4,000 pixels a side. In larger ones some weights can be
off by one in the last bit.
"""

from typing import Any

import numpy as np

HALF = 2048.0  # 2**11: half of a weight's bits


def openvino_pixels(ov: Any, height: int, width: int) -> tuple[Any, Any]:
    """Returns an input for images of any size, and the output with them resized.

    They are a parameter, uint8 (N, H, W, 3), and an output, uint8 (N, height, width, 3), of
    operations of the library `ov`.
    """
    ops = ov.opset13
    half, zero, one = np.float32(HALF), np.float32(0), np.float32(1)

    def weights(source: Any, target: int) -> Any:
        start, step = np.int32(0), np.int32(1)
        j = ops.convert(ops.unsqueeze(ops.range(start, source, step, "i32"), np.int64(0)), "f32")
        odd = ops.multiply(ops.add(ops.multiply(j, np.float32(2)), one), np.float32(target))
        source = ops.convert(source, "f32")
        centres = ops.multiply(2 * np.arange(target, dtype=np.float32)[:, None] + 1, source)
        reach = ops.multiply(ops.maximum(source, np.float32(target)), np.float32(2))
        triangle = ops.relu(ops.subtract(reach, ops.abs(ops.subtract(odd, centres))))
        total = ops.reduce_sum(triangle, np.int64(1), keep_dims=True)
        scaled = ops.multiply(triangle, half)
        first = ops.floor(ops.divide(scaled, total))
        rest = ops.subtract(scaled, ops.multiply(first, total))
        first = ops.subtract(first, ops.convert(ops.less(rest, zero), "f32"))
        rest = ops.subtract(scaled, ops.multiply(first, total))
        second = ops.floor(ops.add(ops.divide(ops.multiply(rest, half), total), np.float32(0.5)))
        return ops.concat([first, second], 0)

    def levels(both: Any, axis: int) -> Any:
        first, second = ops.split(both, np.int64(axis), 2).outputs()
        carry = ops.floor(ops.divide(second, half))
        whole = ops.add(ops.add(first, carry), np.float32(HALF / 2))
        return ops.floor(ops.divide(whole, half))

    pixels = ops.parameter([-1, -1, -1, 3], ov.Type.u8, name="pixels")
    pixels.output(0).set_names({"pixels"})
    sides = ops.shape_of(pixels, "i32")
    rows, columns = (ops.gather(sides, np.int64(side), np.int64(0)) for side in (1, 2))
    planes = ops.convert(ops.transpose(pixels, np.array([0, 3, 1, 2])), "f32")
    narrow = levels(ops.matmul(planes, weights(columns, width), False, True), 3)
    small = levels(ops.matmul(weights(rows, height), narrow, False, False), 2)
    resized = ops.transpose(ops.convert(small, "u8"), np.array([0, 2, 3, 1]))
    return pixels, resized.output(0)


def tensorflow_resized(pixels: Any, height: int, width: int) -> Any:
    """Returns a tensor (N, H, W, 3) of levels resized: float32 (N, height, width, 3).

    Input and output are whole numbers from 0 to 255.
    """
    from classifier.inference.keras_backend import tf

    def weights(source: Any, target: int) -> Any:
        odd = 2 * tf.cast(tf.range(source)[None], tf.float32) + 1
        centres = 2 * tf.cast(tf.range(target)[:, None], tf.float32) + 1
        source = tf.cast(source, tf.float32)
        reach = 2 * tf.maximum(source, float(target))
        triangle = tf.nn.relu(reach - tf.abs(odd * float(target) - centres * source))
        total = tf.reduce_sum(triangle, axis=1, keepdims=True)
        first = tf.floor(triangle * HALF / total)
        first -= tf.cast(triangle * HALF - first * total < 0, tf.float32)
        rest = triangle * HALF - first * total
        return tf.concat([first, tf.floor(rest * HALF / total + 0.5)], axis=0)

    def levels(both: Any, axis: int) -> Any:
        first, second = tf.split(both, 2, axis=axis)
        return tf.floor((first + tf.floor(second / HALF) + HALF / 2) / HALF)

    sides = tf.shape(pixels)
    planes = tf.cast(tf.transpose(pixels, (0, 3, 1, 2)), tf.float32)
    narrow = levels(tf.matmul(planes, weights(sides[2], width), transpose_b=True), 3)
    small = levels(tf.matmul(weights(sides[1], height), narrow), 2)
    return tf.transpose(small, (0, 2, 3, 1))
