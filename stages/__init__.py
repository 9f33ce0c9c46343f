"""The stages of dvc.yaml: `python -m stages.<name>` runs one."""
