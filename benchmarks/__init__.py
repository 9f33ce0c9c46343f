"""Measurements, each one command; they print what they compare with."""
