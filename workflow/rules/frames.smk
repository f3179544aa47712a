# From videos and annotation files to frames in shards, with an index and a manifest.


wildcard_constraints:
    dataset=r"[a-z0-9_]+-[0-9a-f]{8}",
    rendered=r"[a-z0-9_]+-[0-9a-f]{8}",
    shard=r"\d{4}",


rule render:
    """The videos of a synthetic dataset, and their list."""
    output:
        annotations="results/videos/{rendered}/annotations.csv",
    log:
        "results/logs/render/{rendered}.log",
    priority: 10
    conda:
        "../../environment.yml"
    params:
        spec=lambda w: canonical_json(PLAN.by_key(w.rendered, "rendered").render_spec),
        # Undeclared: a rule cannot name files that its settings decide. The list is written last.
        videos="results/videos/{rendered}",
    message:
        "Drawing the videos of {wildcards.rendered}"
    shell:
        "stm render --spec {params.spec:q} --videos {params.videos} --annotations {output.annotations}"
        " > {log} 2>&1"


rule listing:
    """The clips of a dataset and its classes, from its annotation files."""
    input:
        lambda w: PLAN.by_key(w.dataset).annotation_files,
    output:
        clips="results/frames/{dataset}/clips.csv",
        classes="results/frames/{dataset}/classes.csv",
    log:
        "results/logs/listing/{dataset}.log",
    priority: 10
    conda:
        "../../environment.yml"
    params:
        spec=lambda w: canonical_json(PLAN.by_key(w.dataset).listing_spec),
    message:
        "Listing the clips of {wildcards.dataset}"
    shell:
        "stm listing --spec {params.spec:q} --clips {output.clips} --classes {output.classes}"
        " > {log} 2>&1"


rule counts:
    """A dataset's numbers of classes and clips, held to what is expected, before anything is trained on it."""
    input:
        clips="results/frames/{dataset}/clips.csv",
        classes="results/frames/{dataset}/classes.csv",
    output:
        "results/frames/{dataset}/expected.json",
    log:
        "results/logs/counts/{dataset}.log",
    priority: 100
    conda:
        "../../environment.yml"
    params:
        expect=lambda w: canonical_json(PLAN.by_key(w.dataset).entry.expect),
    message:
        "Counting the clips of {wildcards.dataset}"
    shell:
        "stm counts --clips {input.clips} --classes {input.classes} --expect {params.expect:q}"
        " --out {output} > {log} 2>&1"


rule extract:
    """The frames of one shard's clips."""
    input:
        rendered_list,
    output:
        tar="results/frames/{dataset}/shards/{shard}.tar",
        index="results/frames/{dataset}/shards/{shard}.arrow",
    log:
        "results/logs/extract/{dataset}/{shard}.log",
    priority: 10
    conda:
        "../../environment.yml"
    params:
        spec=lambda w: canonical_json(PLAN.by_key(w.dataset).frames_spec),
        clips=clips_digest,
    message:
        "Extracting frames: {wildcards.dataset}, shard {wildcards.shard}"
    shell:
        "stm extract --spec {params.spec:q} --shard {wildcards.shard}"
        " --tar {output.tar} --index {output.index}"
        " --lists results/frames/{wildcards.dataset}/shard_lists.jsonl > {log} 2>&1"


rule manifest:
    """Of every listed clip: where its frames lie, or why there are none."""
    input:
        clips="results/frames/{dataset}/clips.csv",
        classes="results/frames/{dataset}/classes.csv",
        shards=lambda w: expand(
            "results/frames/{dataset}/shards/{shard}.arrow",
            dataset=w.dataset,
            shard=PLAN.by_key(w.dataset).shards,
        ),
    output:
        index="results/frames/{dataset}/index.arrow",
        manifest="results/frames/{dataset}/manifest.csv",
    log:
        "results/logs/manifest/{dataset}.log",
    priority: 10
    conda:
        "../../environment.yml"
    message:
        "Indexing the frames of {wildcards.dataset}"
    shell:
        # Their folder: thousands of paths are longer than Linux lets one argument of a command be (128 KB).
        "stm manifest --clips {input.clips} --classes {input.classes}"
        " --shards results/frames/{wildcards.dataset}/shards"
        " --index {output.index} --manifest {output.manifest} > {log} 2>&1"


rule manifests:
    """What became of every clip of the study's datasets."""
    input:
        expand(
            "{folder}/manifest.csv",
            folder=sorted(
                {PLAN.dataset_of(role).folder for role in PLAN.settings.roles}
            ),
        ),
