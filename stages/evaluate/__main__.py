"""`python -m stages.evaluate`."""

from classifier.common.errors import run_stage

run_stage("stages.evaluate.stage")
