#!/usr/bin/env bash
# What became of a PBS job, in Snakemake's words: running, success or failed.
set -euo pipefail
silence=.snakemake/unanswered/$1
if answer=$(timeout 60 qstat -x -f "$1" 2>&1); then
    rm -f "$silence"
    case $(sed -n 's/^ *job_state = //p' <<<"$answer") in
        # Torque says C where PBS says F, and its -x is another: leave that out there.
        F | C) grep -Eqi '^ *exit_status = 0$' <<<"$answer" && echo success || echo failed ;;
        *) echo running ;;
    esac
elif grep -qi 'unknown job' <<<"$answer"; then
    rm -f "$silence"
    # How it ended nobody can tell, so that it is submitted again.
    echo "PBS knows nothing of job $1, which counts as failed. A server that keeps no history (job_history_enable) forgets jobs as they end." >&2
    echo failed
else
    "${0%/*}/unanswered.sh" "$silence" "$answer"
fi
