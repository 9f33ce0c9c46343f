"""`python -m stages.train`."""

from classifier.common.errors import run_stage

run_stage("stages.train.stage")
