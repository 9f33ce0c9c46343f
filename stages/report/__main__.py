"""`python -m stages.report`."""

from classifier.common.errors import run_stage

run_stage("stages.report.stage")
