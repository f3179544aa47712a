# Training, evaluation, and what networks cost. Resources, unlike params, make nothing again when they change: N processes
# train what one does, so that a profile may say `set-resources: train: gpu=4`, and `workers=12` for loader processes, which
# change nothing either. It may also ask for more memory and time at every attempt, of which there is more than one where
# it says `retries`.
#
# What trainings wait for and what is made of them comes before the next training, so that a mistake shows early; of the
# trainings the longest comes first, so that it is not left alone at the end; what no training waits for fills in.


localrules:
    imagenet_weights,


wildcard_constraints:
    run=r"[a-z0-9_]+/[a-z0-9_]+-\d+f-[a-z0-9_]+-[0-9a-f]{8}/(fold[a-z0-9]+-)?seed\d+",
    protocol=r"[a-z-]+-[0-9a-f]{8}",
    network=r"[a-z0-9_]+-\d+f-[0-9a-f]{8}",
    speed=r"[a-z0-9_]+-[0-9a-f]{8}",
    latency=r"[a-z0-9_]+-[0-9a-f]{8}",
    depth=r"18|34|50",


rule imagenet_weights:
    """The ImageNet weights of torchvision's ResNets, checked against the digest in their name: from data/weights/, or fetched
    once by the machine that submits. Training needs no network.
    """
    output:
        "results/weights/imagenet-resnet{depth}.safetensors",
    log:
        "results/logs/weights/imagenet-resnet{depth}.log",
    priority: 10
    conda:
        "../../environment.yml"
    message:
        "Fetching the ImageNet weights of ResNet-{wildcards.depth}"
    shell:
        "stm imagenet --depth {wildcards.depth} --given data/weights --out {output} > {log} 2>&1"


rule train:
    """One run: an experiment trained from one seed."""
    input:
        index=lambda w: run_of(w).index,
        weights=lambda w: run_of(w).initial_weights,
        # Must be there, and trains nothing again when it is corrected.
        expected=lambda w: ancient(f"{run_of(w).dataset.folder}/expected.json"),
    output:
        weights="results/runs/{run}/weights.safetensors",
        record="results/runs/{run}/run.json",
        history="results/runs/{run}/history.csv",
    log:
        "results/logs/train/{run}.log",
    benchmark:
        "results/benchmarks/train/{run}.tsv"
    priority: longest_first
    conda:
        "../../environment.yml"
    threads: reserved_cores
    resources:
        gpu=gpus,
        nodes=1,
        workers=loader_workers,
        attempt=lambda w, attempt: attempt,
    params:
        # All that this run depends on, and nothing else: an edit of another experiment must not retrain it.
        spec=lambda w: canonical_json(run_of(w).spec),
        # Undeclared on purpose: Snakemake deletes declared outputs of a killed job, and this is what it resumes from.
        checkpoints="results/checkpoints/{run}",
        weights=lambda w, input: weights_options(input.weights),
    message:
        "Training {wildcards.run} (attempt {resources.attempt})"
    shell:
        "stm train --processes {resources.gpu} --nodes {resources.nodes} --workers {resources.workers}"
        " --spec {params.spec:q} --index {input.index} {params.weights}"
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
    priority: 10
    conda:
        "../../environment.yml"
    threads: reserved_cores
    resources:
        gpu=gpus,
        nodes=1,
        workers=loader_workers,
        attempt=lambda w, attempt: attempt,
    params:
        spec=lambda w: canonical_json(prediction_of(w).spec),
    message:
        "Evaluating {wildcards.run} under {wildcards.protocol} (attempt {resources.attempt})"
    shell:
        "stm evaluate --processes {resources.gpu} --nodes {resources.nodes} --workers {resources.workers}"
        " --spec {params.spec:q} --run results/runs/{wildcards.run} --index {input.index} --out {output} > {log} 2>&1"


# Starting torch takes as long as scoring a small validation set: the orders of frames share one start.
ruleorder: evaluate_orders > evaluate


rule evaluate_orders:
    """One run's scores under one view of the centre, its frames in order, reversed, shuffled, and one repeated."""
    input:
        weights="results/runs/{run}/weights.safetensors",
        record="results/runs/{run}/run.json",
        index=lambda w: run_of(w).index,
    output:
        [f"results/predictions/{{run}}/{name}.arrow" for name in PLAN.order_specs],
    log:
        "results/logs/evaluate/{run}/orders.log",
    priority: 10
    conda:
        "../../environment.yml"
    threads: reserved_cores
    resources:
        gpu=gpus,
        nodes=1,
        workers=loader_workers,
        attempt=lambda w, attempt: attempt,
    params:
        specs=canonical_json(list(PLAN.order_specs.values())),
    message:
        "Evaluating {wildcards.run} under every order of frames (attempt {resources.attempt})"
    shell:
        "stm evaluate --processes {resources.gpu} --nodes {resources.nodes} --workers {resources.workers}"
        " --spec {params.specs:q} --run results/runs/{wildcards.run} --index {input.index} --out {output} > {log} 2>&1"


rule complexity:
    """Parameters and FLOPs of one network."""
    output:
        "results/complexity/{network}.json",
    log:
        "results/logs/complexity/{network}.log",
    conda:
        "../../environment.yml"
    params:
        spec=lambda w: canonical_json(
            PLAN.find("The network", w.network, PLAN.networks).spec
        ),
    message:
        "Counting parameters and FLOPs of {wildcards.network}"
    shell:
        "stm complexity --spec {params.spec:q} --out {output} > {log} 2>&1"


rule speed:
    """Videos a second of a table's networks, timed in turn in one job, with no other job beside it."""
    output:
        "results/speed/{speed}.json",
    log:
        "results/logs/speed/{speed}.log",
    conda:
        "../../environment.yml"
    threads: all_cores
    resources:
        gpu=gpus,
    params:
        spec=lambda w: canonical_json(speed_of(w).spec),
    message:
        "Timing the networks of {wildcards.speed}: leave the machine alone"
    shell:
        "stm speed --spec {params.spec:q} --out {output} > {log} 2>&1"


rule latency:
    """Milliseconds a frame of a table's recognisers of streams, timed in turn in one job, with no other job beside it."""
    output:
        "results/latency/{latency}.json",
    log:
        "results/logs/latency/{latency}.log",
    conda:
        "../../environment.yml"
    threads: all_cores
    resources:
        gpu=gpus,
    params:
        spec=lambda w: canonical_json(latency_of(w).spec),
    message:
        "Timing the recognisers of {wildcards.latency}: leave the machine alone"
    shell:
        "stm latency --spec {params.spec:q} --out {output} > {log} 2>&1"
