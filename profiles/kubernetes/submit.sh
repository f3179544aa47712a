#!/usr/bin/env bash
# Submit a script of Snakemake's as a Kubernetes Job and print the Job's namespace and name.
# Arguments: rule, threads, megabytes, GPUs, minutes, script.
set -euo pipefail
# In YAML's single quotes, a quote is two.
folder=$(pwd -P)
folder=${folder//\'/\'\'}
script=${6//\'/\'\'}
job=$(<"${0%/*}/job.yaml")
job=${job//__rule__/"${1//_/-}"}
job=${job//__threads__/"$2"}
job=${job//__memory__/"$3"}
job=${job//__seconds__/"$(($5 * 60))"}
job=${job//__folder__/"$folder"}
job=${job//__script__/"$script"}
if (($4)); then
    job=${job//__gpus__/"$4"}
else
    job=$(grep -v __gpus__ <<<"$job")
fi
kubectl create -f - -o 'jsonpath={.metadata.namespace}/{.metadata.name}' <<<"$job"
