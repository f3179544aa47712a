# Public checkpoints of others: imported, evaluated, held to what their authors publish. Files that are not here are a line of the report.


wildcard_constraints:
    imported=r"[a-z0-9_]+-[0-9a-f]{8}",


rule import_checkpoint:
    """Somebody's weights as a run's folder, with the classes in the order of the listing."""
    input:
        file=lambda w: imported_of(w).file,
        classes=lambda w: f"{imported_of(w).dataset.folder}/classes.csv",
    output:
        weights="results/imported/{imported}/weights.safetensors",
        record="results/imported/{imported}/run.json",
    log:
        "results/logs/import/{imported}.log",
    conda:
        "../../environment.yml"
    params:
        options=lambda w: imported_of(w).options,
        evaluation=lambda w: canonical_json(imported_of(w).evaluation.model_dump()),
    message:
        "Importing {input.file}"
    shell:
        "stm import {input.file:q} {params.options} --classes {input.classes}"
        " --evaluation {params.evaluation:q} --out results/imported/{wildcards.imported} > {log} 2>&1"


rule evaluate_checkpoint:
    """An imported network's scores of every clip of its role's validation split."""
    input:
        weights="results/imported/{imported}/weights.safetensors",
        record="results/imported/{imported}/run.json",
        index=lambda w: f"{imported_of(w).dataset.folder}/index.arrow",
        expected=lambda w: ancient(f"{imported_of(w).dataset.folder}/expected.json"),
    output:
        "results/imported/{imported}/{protocol}.arrow",
    log:
        "results/logs/evaluate/{imported}/{protocol}.log",
    conda:
        "../../environment.yml"
    threads: lambda w: reserved(imported_of(w).evaluation.threads)
    resources:
        gpu=gpus,
        nodes=1,
        workers=loader_workers,
        attempt=lambda w, attempt: attempt,
    params:
        spec=lambda w: canonical_json(imported_of(w).prediction_spec),
    message:
        "Evaluating {wildcards.imported} under {wildcards.protocol} (attempt {resources.attempt})"
    shell:
        "stm evaluate --processes {resources.gpu} --nodes {resources.nodes} --workers {resources.workers}"
        " --spec {params.spec:q} --run results/imported/{wildcards.imported} --index {input.index}"
        " --out {output} > {log} 2>&1"


rule known_checkpoints:
    """Every known checkpoint: published beside measured, or why nothing is measured."""
    input:
        lambda w: [run.prediction for run in checkpoints_of(w).imported],
    output:
        f"{REPORTS}/known_checkpoints.csv",
    log:
        "results/logs/known_checkpoints.log",
    conda:
        "../../environment.yml"
    params:
        spec=lambda w: canonical_json(checkpoints_of(w).spec),
    message:
        "Writing {output}"
    shell:
        "stm checkpoints --spec {params.spec:q} --out {output} 2>&1 | tee {log}"
