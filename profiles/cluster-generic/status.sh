#!/usr/bin/env bash
# What became of a PBS job, in Snakemake's words: running, success or failed. A job that PBS does not know is an error.
set -euo pipefail
job=$(qstat -x -f "$1")
case $(sed -n 's/^ *job_state = //p' <<<"$job") in
    # Torque says C where PBS says F.
    F | C) grep -Eqi '^ *exit_status = 0$' <<<"$job" && echo success || echo failed ;;
    *) echo running ;;
esac
