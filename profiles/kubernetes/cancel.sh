#!/usr/bin/env bash
# Delete Kubernetes Jobs, given as namespace/name, and their pods. Snakemake waits two seconds for it.
set -euo pipefail
kubectl delete job "${@#*/}" --namespace "${1%/*}" --ignore-not-found --wait=false
