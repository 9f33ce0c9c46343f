"""`python -m stages.inspect`."""

from classifier.common.errors import run_stage

run_stage("stages.inspect.stage")
