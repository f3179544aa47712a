#!/usr/bin/env bash
# What became of a Kubernetes Job, given as namespace/name, in Snakemake's words: running, success or failed.
set -euo pipefail
silence=.snakemake/unanswered/$1
conditions='jsonpath={.status.conditions[?(@.status=="True")].type}'
if answer=$(timeout 60 kubectl get job "${1#*/}" --namespace "${1%/*}" -o "$conditions" 2>&1); then
    rm -f "$silence"
    # The last line, between spaces: warnings come before it.
    case " ${answer##*$'\n'} " in
        *' Complete '*) echo success ;;
        *' Failed '*) echo failed ;;
        *) echo running ;;
    esac
elif [[ $answer == *'(NotFound): jobs.batch'* ]]; then
    rm -f "$silence"
    echo "Kubernetes knows nothing of job $1, which counts as failed: it was deleted, or ended long ago." >&2
    echo failed
else
    "${0%/*}/../cluster-generic/unanswered.sh" "$silence" "$answer"
fi
