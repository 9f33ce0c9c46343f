"""The export formats, in the order of the model card. Register new ones here."""

from stages.export.export_format import ExportFormat
from stages.export.formats import keras, onnx, openvino, saved_model, tflite

FORMATS: tuple[ExportFormat, ...] = (
    openvino.FORMAT,
    keras.FORMAT,
    saved_model.FORMAT,
    onnx.FORMAT,
    tflite.FORMAT,
    tflite.FORMAT_INT8,
)
