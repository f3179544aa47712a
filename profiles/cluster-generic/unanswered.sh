#!/usr/bin/env bash
# A batch system did not answer a question about a job, which may run on all the same. For an hour Snakemake is told that
# it does; then Snakemake ends. Arguments: a file that is there from the first such question to the next answer, and what
# was said instead of an answer, of which the last line is shown.
set -euo pipefail
job=${1#.snakemake/unanswered/}
said=${2##*$'\n'}
if [[ ! -e $1 ]]; then
    mkdir -p "${1%/*}"
    touch "$1"
    echo "No answer about job $job, which counts as running for an hour: $said" >&2
elif [[ $(find "$1" -mmin +60) ]]; then
    echo "No answer about job $job for an hour: $said" >&2
    echo "Jobs that run go on without Snakemake. Wait for them, or cancel them, before the same command is given again." >&2
    exit 1
fi
echo running
