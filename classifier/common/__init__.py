"""Errors, files, params, progress, parallel work."""
