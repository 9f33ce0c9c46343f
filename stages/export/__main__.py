"""`python -m stages.export`."""

from classifier.common.errors import run_stage

run_stage("stages.export.stage")
