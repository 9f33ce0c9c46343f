"""InceptionV3: its weights, its layers, and its conversion to OpenVINO."""
