"""`python -m stages.extract`."""

from classifier.common.errors import run_stage

run_stage("stages.extract.stage")
