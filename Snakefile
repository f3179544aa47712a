# The entry: configuration, rules, targets. `snakemake --cores 8 reports/table6.csv`

import shlex
import sys
from datetime import datetime
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

sys.path.insert(0, workflow.basedir)

from stm.config.loading import ConfigError
from stm.config.plan import Plan

min_version("9.27")


# Snakemake merges a given --configfile over one named here, which would leave the demo's data in roles that a study does not bind.
if not workflow.configfiles:

    configfile: "config/config.yaml"


if len(workflow.configfiles) > 1:
    raise WorkflowError(
        "Give one study. What studies share goes into a file that each of them `extends:`"
    )

try:
    PLAN = Plan(Path(workflow.configfiles[0]), workflow.config_settings.config)
    PLAN.require_tables()
    TABLES = {name: PLAN.table(name) for name in PLAN.tables}
    FIGURES = {name: PLAN.figure(name) for name in PLAN.figures}
except ConfigError as error:
    raise WorkflowError(str(error)) from None

REPORTS = PLAN.settings.reports_dir


report: "workflow/report/study.rst"


# What the first page of `snakemake --report` speaks of, and nothing else reads.
config |= {"plan": PLAN, "now": datetime.now}

# `stm` in a rule is this checkout's, run by the Python that runs Snakemake, whether or not its environment is on PATH.
if workflow.deployment_settings.deployment_method:
    raise WorkflowError(
        "Stages run in the environment that runs Snakemake: leave --software-deployment-method out"
    )
STM = f'{shlex.quote(sys.executable)} -m stm "$@"'.replace("{", "{{").replace("}", "}}")
shell.prefix(f"set -euo pipefail; stm() {{{{ {STM}; }}}}; ")


onstart:
    # Snakemake 9.27 looks for jobs to start once a second for every job that has ended, for good: a timer each, which
    # keep its limit of jobs a second. Of 200 jobs that is a core of its own. A limit that a user gives stays.
    limit = workflow.scheduler.job_rate_limiter
    if limit and (limit.max_jobs, limit.timespan) == (100, 1):
        workflow.scheduler.job_rate_limiter = None


rule all:
    """All that the report page shows: tables, figures, the order of frames, datasets, all claims, and where they come from."""
    default_target: True
    input:
        [file for entry in PLAN.entries.values() for file in entry.files],


include: "workflow/rules/resolver.smk"
include: "workflow/rules/frames.smk"
include: "workflow/rules/runs.smk"
include: "workflow/rules/checkpoints.smk"
include: "workflow/rules/reports.smk"
include: "workflow/rules/figures.smk"
