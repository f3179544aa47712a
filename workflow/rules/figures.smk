# Figures, from features, predictions, histories and tables.


wildcard_constraints:
    figure="|".join(PLAN.known_figures),


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
    params:
        spec=lambda w: canonical_json(features_of(w).spec),
    message:
        "Features of {wildcards.run}"
    shell:
        "stm features --spec {params.spec:q} --run results/runs/{wildcards.run} --index {input.index}"
        " --out {output} > {log} 2>&1"


# A figure that decides claims has more to write than its picture.
ruleorder: deciding_figure > figure


rule deciding_figure:
    """A picture of features, what was measured of them, and the claims that this decides."""
    input:
        lambda w: figure_of(w).inputs,
    output:
        pdf=shown(f"{REPORTS}/{{figure}}.pdf", category_of_figure, "pdf"),
        png=shown(f"{REPORTS}/{{figure}}.png", category_of_figure, PICTURE),
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
    """One picture, and what it shows."""
    input:
        lambda w: figure_of(w).inputs,
    output:
        pdf=shown(f"{REPORTS}/{{figure}}.pdf", category_of_figure, "pdf", "figure"),
        png=shown(f"{REPORTS}/{{figure}}.png", category_of_figure, PICTURE, "figure"),
        csv=shown(f"{REPORTS}/{{figure}}.csv", category_of_figure, CSV, "figure"),
    log:
        "results/logs/figure/{figure}.log",
    conda:
        "../../environment.yml"
    params:
        spec=lambda w: spec_file(w.figure, figure_of(w).spec),
        title=lambda w: figure_of(w).figure.title,
        out=lambda w, output: output.pdf.removesuffix(".pdf"),
    message:
        "Drawing {output.pdf}"
    shell:
        "stm figure --spec {params.spec:q} --out {params.out} 2>&1 | tee {log}"
