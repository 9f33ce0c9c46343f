"""Pillow's antialiased bilinear filter as part of a network: the exported forms resize with it.

Along each side it is a matrix. Weight of source pixel j in target pixel i is a triangle around i's
centre, as wide as two target pixels where it shrinks and two source pixels where it enlarges:
1 - |(2j + 1) * target - (2i + 1) * source| / (2 * max(source, target)), 0 where that is negative,
over the row's sum. As in stages/images.py the width comes first, and values are rounded to whole
levels after each side; what is left are sums within float32's error of a half. (The numbers before
the division are whole, and below 2**24 at up to 28,000 source pixels and 299 target ones, so exact
in float32.)
"""

from typing import Any

import numpy as np


def openvino_pixels(ov: Any, height: int, width: int) -> tuple[Any, Any]:
    """Returns uint8 pictures (N, H, W, 3) of any size, and the same resized.

    Args:
        ov: the library.
        height: to resize to, in pixels.
        width: likewise.

    Returns:
        A parameter, and an output uint8 (N, height, width, 3).
    """
    ops = ov.opset13
    pixels = ops.parameter([-1, -1, -1, 3], ov.Type.u8, name="pixels")
    pixels.output(0).set_names({"pixels"})
    sides = ops.shape_of(pixels, "i32")
    half, least, most = (np.float32(value) for value in (0.5, 0, 255))

    def rounded(values: Any) -> Any:
        return ops.floor(ops.add(values, half))

    def weights(source: Any, target: int) -> Any:
        start, step = np.int32(0), np.int32(1)
        j = ops.unsqueeze(ops.range(start, source, step, "i32"), np.int64(0))
        odd = ops.add(ops.multiply(j, np.int32(2)), step)
        centres = 2 * np.arange(target, dtype=np.int32)[:, None] + 1
        apart = ops.subtract(
            ops.multiply(odd, np.int32(target)), ops.multiply(ops.constant(centres), source)
        )
        reach = ops.multiply(ops.maximum(source, np.int32(target)), np.int32(2))
        share = ops.divide(ops.abs(ops.convert(apart, "f32")), ops.convert(reach, "f32"))
        triangle = ops.relu(ops.subtract(np.float32(1), share))
        return ops.divide(triangle, ops.reduce_sum(triangle, np.int64(1), keep_dims=True))

    across = weights(ops.gather(sides, np.int64(2), np.int64(0)), width)
    down = weights(ops.gather(sides, np.int64(1), np.int64(0)), height)
    planes = ops.convert(ops.transpose(pixels, np.array([0, 3, 1, 2])), "f32")
    narrow = rounded(ops.matmul(planes, across, False, True))
    small = rounded(ops.matmul(down, narrow, False, False))
    kept = ops.minimum(ops.maximum(small, least), most)
    resized = ops.transpose(ops.convert(kept, "u8"), np.array([0, 2, 3, 1]))
    return pixels, resized.output(0)


def tensorflow_resized(pixels: Any, height: int, width: int) -> Any:
    """Returns pictures resized: float32 (N, height, width, 3), whole numbers from 0 to 255.

    Args:
        pixels: TensorFlow's tensor, (N, H, W, 3), 0 to 255.
        height: in pixels.
        width: likewise.
    """
    from stages.backend import tf

    def weights(source: Any, target: int) -> Any:
        odd = 2 * tf.range(source)[None] + 1
        centres = 2 * tf.range(target)[:, None] + 1
        apart = tf.cast(tf.abs(odd * target - centres * source), tf.float32)
        reach = tf.cast(2 * tf.maximum(source, target), tf.float32)
        triangle = tf.nn.relu(1 - apart / reach)
        return triangle / tf.reduce_sum(triangle, axis=1, keepdims=True)

    sides = tf.shape(pixels)
    planes = tf.cast(tf.transpose(pixels, (0, 3, 1, 2)), tf.float32)
    narrow = tf.floor(tf.matmul(planes, weights(sides[2], width), transpose_b=True) + 0.5)
    small = tf.floor(tf.matmul(weights(sides[1], height), narrow) + 0.5)
    return tf.transpose(tf.clip_by_value(small, 0, 255), (0, 2, 3, 1))
