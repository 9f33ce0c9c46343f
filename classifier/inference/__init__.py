"""The frozen network at work: pixels in, features out."""
