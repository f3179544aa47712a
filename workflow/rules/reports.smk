# Tables and claims, from predictions and counts.


wildcard_constraints:
    table=rf"(?!(claims|temporal_order|datasets|provenance|known_checkpoints|{'|'.join(PLAN.known_figures)})\.)[a-z0-9_]+",
    line=r"\d+",
    seed=r"\d+",


rule table:
    """One table of a paper: published beside measured, and the claims that it decides."""
    input:
        predictions=lambda w: table_of(w).predictions,
        latency=lambda w: table_of(w).latency.path if table_of(w).latency else [],
        records=lambda w: table_of(w).records,
        complexity=lambda w: table_of(w).complexity,
        speeds=lambda w: table_of(w).speeds,
    output:
        csv=shown(f"{REPORTS}/{{table}}.csv", category_of_table, CSV),
        md=f"{REPORTS}/{{table}}.md",
        tex=shown(f"{REPORTS}/{{table}}.tex", category_of_table, "LaTeX"),
        html=shown(f"{REPORTS}/{{table}}.html", category_of_table, PAGE),
        claims=shown(f"{REPORTS}/{{table}}.claims.csv", category_of_table, CLAIMS),
        caption=f"{REPORTS}/{{table}}.rst",
    log:
        "results/logs/table/{table}.log",
    priority: 10
    conda:
        "../../environment.yml"
    params:
        spec=lambda w: spec_file(w.table, table_of(w).spec),
        out=lambda w, output: output.csv.removesuffix(".csv"),
    message:
        "Writing {output.csv}"
    shell:
        "stm table --spec {params.spec:q} --out {params.out} 2>&1 | tee {log}"


rule temporal_order:
    """Every experiment with its frames in order, reversed, shuffled, and one of them repeated."""
    input:
        lambda w: order_plan_of(w).paths,
    output:
        csv=shown(f"{REPORTS}/temporal_order.csv", "Order of frames", CSV),
        md=f"{REPORTS}/temporal_order.md",
        html=shown(f"{REPORTS}/temporal_order.html", "Order of frames", PAGE),
        claims=shown(f"{REPORTS}/temporal_order.claims.csv", "Order of frames", CLAIMS),
        caption=f"{REPORTS}/temporal_order.rst",
    log:
        "results/logs/temporal_order.log",
    conda:
        "../../environment.yml"
    params:
        spec=lambda w: spec_file("temporal_order", order_plan_of(w).spec),
        out=lambda w, output: output.csv.removesuffix(".csv"),
    message:
        "Writing {output.csv}"
    shell:
        "stm order --spec {params.spec:q} --out {params.out} 2>&1 | tee {log}"


rule datasets:
    """What the datasets' annotation files list, beside what the papers say; no video is needed, and no training."""
    input:
        lists=lambda w: datasets_of(w).files,
        expected=lambda w: datasets_of(w).expected,
    output:
        csv=shown(f"{REPORTS}/datasets.csv", "Datasets", CSV),
        md=f"{REPORTS}/datasets.md",
        html=shown(f"{REPORTS}/datasets.html", "Datasets", PAGE),
        claims=shown(f"{REPORTS}/datasets.claims.csv", "Datasets", CLAIMS),
        caption=f"{REPORTS}/datasets.rst",
    log:
        "results/logs/datasets.log",
    conda:
        "../../environment.yml"
    params:
        spec=lambda w: spec_file("datasets", datasets_of(w).spec),
        out=lambda w, output: output.csv.removesuffix(".csv"),
    message:
        "Writing {output.csv}"
    shell:
        "stm datasets --spec {params.spec:q} --out {params.out} 2>&1 | tee {log}"


rule provenance:
    """The study's settings, and of every run that it shows its data, code, versions and hardware."""
    input:
        expand("{run}/run.json", run=PLAN.provenance["runs"]),
    output:
        csv=shown(f"{REPORTS}/provenance.csv", "Provenance", CSV, "provenance"),
        html=shown(f"{REPORTS}/provenance.html", "Provenance", PAGE, "provenance"),
    log:
        "results/logs/provenance.log",
    conda:
        "../../environment.yml"
    params:
        spec=lambda w: spec_file("provenance", PLAN.provenance),
        out=lambda w, output: output.csv.removesuffix(".csv"),
    message:
        "Writing {output.csv}"
    shell:
        "stm provenance --spec {params.spec:q} --out {params.out} 2>&1 | tee {log}"


rule submission:
    """One line's answers for the test clips of its dataset, as the makers' server took them; made by its name alone."""
    input:
        lambda w: submission_of(w).prediction.path,
    output:
        f"{REPORTS}/submissions/{{table}}-line{{line}}-seed{{seed}}.csv",
    log:
        "results/logs/submission/{table}-line{line}-seed{seed}.log",
    conda:
        "../../environment.yml"
    params:
        form=lambda w: submission_of(w).form,
    message:
        "Writing {output}"
    shell:
        "stm submit --predictions {input} --form {params.form} --out {output} 2>&1 | tee {log}"


rule claims:
    """Every claim of both papers on one page: those that the study's tables and figures decide, and the others with why not."""
    input:
        tables=expand(
            "{reports}/{name}.claims.csv",
            reports=REPORTS,
            name=[
                *TABLES,
                "datasets",
                "temporal_order",
                *filter(PLAN.deciders.__contains__, FIGURES),
            ],
        ),
        claims=PLAN.claim_files,
    output:
        csv=shown(f"{REPORTS}/claims.csv", "Claims", CSV),
        md=f"{REPORTS}/claims.md",
        html=shown(f"{REPORTS}/claims.html", "Claims", PAGE),
        caption=f"{REPORTS}/claims.rst",
    log:
        "results/logs/claims.log",
    conda:
        "../../environment.yml"
    params:
        study=PLAN.name,
        seeds=len(PLAN.settings.seeds),
        possible=lambda w: canonical_json(PLAN.possible),
        out=lambda w, output: output.csv.removesuffix(".csv"),
        code=source_digest(*REPORTING_SOURCES),
    message:
        "Writing {output.csv}"
    shell:
        "stm claims --tables {input.tables:q} --claims {input.claims:q} --study {params.study}"
        " --seeds {params.seeds} --possible {params.possible:q} --out {params.out} > {log} 2>&1"
