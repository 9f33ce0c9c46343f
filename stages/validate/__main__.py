"""`python -m stages.validate`."""

from classifier.common.errors import run_stage

run_stage("stages.validate.stage")
