# Tables and claims, from predictions and counts.

from stm.config.plan import PACKAGE
from stm.files import source_digest


wildcard_constraints:
    table=r"[a-z0-9_]+",


def table_of(wildcards):
    if wildcards.table in TABLES:
        return TABLES[wildcards.table]
    try:
        return PLAN.table(wildcards.table)
    except ConfigError as error:
        raise WorkflowError(str(error)) from None


rule table:
    """One table of a paper: published beside measured, and the claims that it decides."""
    input:
        predictions=lambda w: table_of(w).predictions,
        records=lambda w: table_of(w).records,
        complexity=lambda w: table_of(w).complexity,
    output:
        csv=f"{REPORTS}/{{table}}.csv",
        md=f"{REPORTS}/{{table}}.md",
        tex=f"{REPORTS}/{{table}}.tex",
        claims=f"{REPORTS}/{{table}}.claims.csv",
    log:
        "results/logs/table/{table}.log",
    params:
        spec=lambda w: spec_argument(table_of(w).spec),
        out=f"{REPORTS}/{{table}}",
    message:
        "Writing {output.csv}"
    shell:
        "{sys.executable} -m stm table --spec {params.spec:q} --out {params.out} 2>&1 | tee {log}"


rule claims:
    """Every claim that the study's tables decide, on one page."""
    input:
        expand("{reports}/{table}.claims.csv", reports=REPORTS, table=TABLES),
    output:
        csv=f"{REPORTS}/claims.csv",
        md=f"{REPORTS}/claims.md",
    log:
        "results/logs/claims.log",
    params:
        study=PLAN.study.study,
        code=source_digest(PACKAGE / "reporting"),
    message:
        "Writing {output.csv}"
    shell:
        "{sys.executable} -m stm claims --tables {input} --out {REPORTS}/claims > {log} 2>&1"
