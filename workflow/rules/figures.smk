# Figures, from features, predictions, histories and tables.


wildcard_constraints:
    figure="|".join(PLAN.known_figures),
    motion=r"motion-[0-9a-f]{8}",


rule features:
    """What one run makes of its validation split before the softmax."""
    input:
        weights="results/runs/{run}/weights.safetensors",
        record="results/runs/{run}/run.json",
        index=lambda w: run_of(w).index,
    output:
        "results/features/{run}/{protocol}.arrow",
    log:
        "results/logs/features/{run}/{protocol}.log",
    conda:
        "../../environment.yml"
    threads: reserved_cores
    resources:
        gpu=gpus,
        workers=loader_workers,
    params:
        spec=lambda w: canonical_json(features_of(w).spec),
    message:
        "Features of {wildcards.run}"
    shell:
        "stm features --workers {resources.workers} --spec {params.spec:q}"
        " --run results/runs/{wildcards.run} --index {input.index}"
        " --out {output} > {log} 2>&1"


rule motion:
    """What moves in some clips of a dataset, by no network: TV-L1 flow, differences of frames, drawn movers."""
    input:
        lambda w: motion_of(w).index,
    output:
        "results/motion/{dataset}/{motion}.safetensors",
    log:
        "results/logs/motion/{dataset}/{motion}.log",
    conda:
        "../../environment.yml"
    params:
        spec=lambda w: canonical_json(motion_of(w).spec),
    message:
        "Finding what moves in clips of {wildcards.dataset}"
    shell:
        "stm motion --spec {params.spec:q} --index {input} --out {output} > {log} 2>&1"


rule maps:
    """What the first block of one run's network makes of these clips, and of what it started from."""
    input:
        weights="results/runs/{run}/weights.safetensors",
        record="results/runs/{run}/run.json",
        index=lambda w: run_of(w).index,
        motion=lambda w: maps_of(w).motion.path,
        start=lambda w: run_of(w).initial_weights,
    output:
        "results/maps/{run}/{protocol}.safetensors",
    log:
        "results/logs/maps/{run}/{protocol}.log",
    conda:
        "../../environment.yml"
    threads: reserved_cores
    resources:
        gpu=gpus,
        workers=loader_workers,
    params:
        spec=lambda w: canonical_json(maps_of(w).spec),
        start=lambda w, input: weights_options(input.start),
    message:
        "What {wildcards.run} sees"
    shell:
        "stm maps --workers {resources.workers} --spec {params.spec:q}"
        " --run results/runs/{wildcards.run} --index {input.index}"
        " --motion {input.motion} {params.start} --out {output} > {log} 2>&1"


# A figure that decides claims has more to write than its picture.
ruleorder: deciding_figure > figure


rule deciding_figure:
    """A picture of features or maps, what was measured of them, and the claims that this decides."""
    input:
        lambda w: figure_of(w).inputs,
    output:
        pdf=shown(f"{REPORTS}/{{figure}}.pdf", category_of_figure, "pdf"),
        png=f"{REPORTS}/{{figure}}.png",
        csv=shown(f"{REPORTS}/{{figure}}.csv", category_of_figure, CSV),
        md=f"{REPORTS}/{{figure}}.md",
        html=shown(f"{REPORTS}/{{figure}}.html", category_of_figure, PAGE),
        points=f"{REPORTS}/{{figure}}.points.csv",
        claims=shown(f"{REPORTS}/{{figure}}.claims.csv", category_of_figure, CLAIMS),
        caption=f"{REPORTS}/{{figure}}.rst",
    log:
        "results/logs/figure/{figure}.log",
    wildcard_constraints:
        figure="|".join(PLAN.deciders),
    conda:
        "../../environment.yml"
    params:
        spec=lambda w: spec_file(w.figure, figure_of(w).spec),
        out=lambda w, output: output.pdf.removesuffix(".pdf"),
    message:
        "Drawing {output.pdf}"
    shell:
        "stm figure --spec {params.spec:q} --out {params.out} 2>&1 | tee {log}"


rule figure:
    """One picture, what it shows, and a page of it."""
    input:
        lambda w: figure_of(w).inputs,
    output:
        pdf=shown(f"{REPORTS}/{{figure}}.pdf", category_of_figure, "pdf"),
        png=f"{REPORTS}/{{figure}}.png",
        csv=shown(f"{REPORTS}/{{figure}}.csv", category_of_figure, CSV),
        md=f"{REPORTS}/{{figure}}.md",
        html=shown(f"{REPORTS}/{{figure}}.html", category_of_figure, PAGE),
        caption=f"{REPORTS}/{{figure}}.rst",
    log:
        "results/logs/figure/{figure}.log",
    conda:
        "../../environment.yml"
    params:
        spec=lambda w: spec_file(w.figure, figure_of(w).spec),
        out=lambda w, output: output.pdf.removesuffix(".pdf"),
    message:
        "Drawing {output.pdf}"
    shell:
        "stm figure --spec {params.spec:q} --out {params.out} 2>&1 | tee {log}"
