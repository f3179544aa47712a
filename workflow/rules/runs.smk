# Training, evaluation, and what networks cost.

import os

from stm.launch import visible_gpus


wildcard_constraints:
    run=r"[a-z0-9_]+/[a-z0-9_]+-\d+f-[a-z0-9_]+-[0-9a-f]{8}/seed\d+",
    protocol=r"[a-z-]+-[0-9a-f]{8}",
    network=r"[a-z0-9_]+-\d+f-[0-9a-f]{8}",
    depth=r"18|34|50",


def run_of(wildcards):
    return PLAN.find("The run", wildcards.run, PLAN.runs)


def prediction_of(wildcards):
    path = f"results/predictions/{wildcards.run}/{wildcards.protocol}.arrow"
    return PLAN.find("The prediction", path, PLAN.predictions)


def reserved_cores(wildcards):
    """Cores that a run counts for: as many times its threads as the user overstates the machine's cores, so that
    `--cores 2` and `--cores 8` on a machine of two both train two one-thread networks at a time."""
    threads = run_of(wildcards).spec["recipe"]["threads"]
    return threads * max(1, workflow.cores // (os.cpu_count() or 1)) if workflow.cores else threads


def gpus(wildcards):
    """One where this machine has any. A profile for a cluster says it itself: `set-resources: train: gpu=1`."""
    return min(1, len(visible_gpus()))


rule imagenet_weights:
    """The ImageNet weights of torchvision's ResNets, checked against the digest in their name."""
    localrule: True
    output:
        "results/weights/imagenet-resnet{depth}.safetensors",
    log:
        "results/logs/weights/imagenet-resnet{depth}.log",
    message:
        "Fetching the ImageNet weights of ResNet-{wildcards.depth}"
    shell:
        "{sys.executable} -m stm imagenet --depth {wildcards.depth} --out {output} > {log} 2>&1"


rule train:
    """One run: an experiment trained from one seed."""
    input:
        index=lambda w: run_of(w).index,
        weights=lambda w: run_of(w).initial_weights,
    output:
        weights="results/runs/{run}/weights.safetensors",
        record="results/runs/{run}/run.json",
        history="results/runs/{run}/history.csv",
    log:
        "results/logs/train/{run}.log",
    benchmark:
        "results/benchmarks/train/{run}.tsv"
    params:
        # All that this run depends on, and nothing else: an edit of another experiment must not retrain it.
        spec=lambda w: spec_argument(run_of(w).spec),
        # Undeclared on purpose: Snakemake deletes declared outputs of a killed job, and this is what it resumes from.
        checkpoints="results/checkpoints/{run}",
        weights=lambda w, input: f"--weights {input.weights}" if input.weights else "",
    threads: reserved_cores
    resources:
        gpu=gpus,
    message:
        "Training {wildcards.run}"
    shell:
        "{sys.executable} -m stm train --spec {params.spec:q} --index {input.index} {params.weights}"
        " --checkpoints {params.checkpoints} --out results/runs/{wildcards.run} 2>&1 | tee {log}"


rule evaluate:
    """One run's scores of every clip of its validation split, under one protocol."""
    input:
        weights="results/runs/{run}/weights.safetensors",
        record="results/runs/{run}/run.json",
        index=lambda w: run_of(w).index,
    output:
        "results/predictions/{run}/{protocol}.arrow",
    log:
        "results/logs/evaluate/{run}/{protocol}.log",
    params:
        spec=lambda w: spec_argument(prediction_of(w).spec),
    threads: reserved_cores
    resources:
        gpu=gpus,
    message:
        "Evaluating {wildcards.run} under {wildcards.protocol}"
    shell:
        "{sys.executable} -m stm evaluate --spec {params.spec:q} --run results/runs/{wildcards.run} --index {input.index}"
        " --out {output} > {log} 2>&1"


rule complexity:
    """Parameters and FLOPs of one network."""
    output:
        "results/complexity/{network}.json",
    log:
        "results/logs/complexity/{network}.log",
    params:
        spec=lambda w: spec_argument(PLAN.find("The network", w.network, PLAN.networks).spec),
    message:
        "Counting parameters and FLOPs of {wildcards.network}"
    shell:
        "{sys.executable} -m stm complexity --spec {params.spec:q} --out {output} > {log} 2>&1"
