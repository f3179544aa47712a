# What the rules ask the resolver. Rules come to their wildcards' plan by these functions alone.

import functools
import os
import shlex

from stm.config.reportplan import category
from stm.config.tableplan import REPORTING_SOURCES
from stm.data.annotations import AnnotationError
from stm.data.listing import shard_digests
from stm.files import canonical_json, digest, source_digest, write_text
from stm.launch import visible_gpus


def speaking(function):
    """Configuration and annotation errors as Snakemake's own, which come without a traceback."""

    @functools.wraps(function)
    def asked(wildcards):
        try:
            return function(wildcards)
        except (ConfigError, AnnotationError) as error:
            raise WorkflowError(str(error)) from None

    return asked


@speaking
def rendered_list(wildcards):
    """Of a dataset that the project draws, the list that comes with the videos. A user's annotation files are no inputs:
    one added video would redo every shard.
    """
    dataset = PLAN.by_key(wildcards.dataset)
    return dataset.annotations["list"] if dataset.entry.render else []


@functools.cache
def digests_of(key):
    """Of all shards of a dataset: asked for shard by shard, the annotation files' state would be, too."""
    dataset = PLAN.by_key(key)
    return shard_digests(dataset.frames_spec, Path(dataset.shard_lists))


@speaking
def clips_digest(wildcards):
    """What a shard holds: of files that exist, its clips; of videos yet to be drawn, how they are drawn."""
    dataset = PLAN.by_key(wildcards.dataset)
    if dataset.entry.render:
        return canonical_json(dataset.render_spec)
    found = digests_of(wildcards.dataset)[int(wildcards.shard)]
    shard = Path(f"{dataset.folder}/shards/{wildcards.shard}.tar")
    if found == "absent" and shard.exists():
        # A disk that is not mounted, or a misspelt path: Snakemake would delete the frames and then fail.
        files = ", ".join(dataset.annotation_paths)
        raise WorkflowError(
            f"{dataset.name}: an annotation file is absent ({files}), but its frames are there and are kept. "
            f"Put the file back, or remove {dataset.folder} yourself"
        )
    return found


@speaking
def run_of(wildcards):
    return PLAN.find("The run", wildcards.run, PLAN.runs)


def longest_first(wildcards):
    """Above 0 and below 1, the higher the more frames of a clip the training sees."""
    return 1 - 1 / (1 + run_of(wildcards).frames_of_a_clip)


def weights_options(paths):
    """What a stage is told of the files that a run starts from, whose names are the user's own."""
    return " ".join(f"--weights {shlex.quote(path)}" for path in paths)


@speaking
def prediction_of(wildcards):
    path = f"results/predictions/{wildcards.run}/{wildcards.protocol}.arrow"
    return PLAN.find("The prediction", path, PLAN.predictions)


@speaking
def checkpoints_of(wildcards):
    return PLAN.checkpoints


@speaking
def imported_of(wildcards):
    return PLAN.find("The checkpoint", wildcards.imported, PLAN.imported)


def reserved_cores(wildcards):
    """Cores that a run counts for."""
    return reserved(run_of(wildcards).spec["recipe"]["threads"])


def reserved(threads):
    """Cores that so many threads count for: as many times more as the user overstates the machine's cores, so that
    `--cores 2` and `--cores 8` on a machine of two both train two one-thread networks at a time. A cluster's jobs,
    which no `--cores` limits, take what they use.
    """
    cores = workflow.resource_settings.cores
    return threads * max(1, cores // (os.cpu_count() or 1)) if cores else threads


def all_cores(wildcards):
    """Every core that Snakemake has, so that no other job runs. On a cluster a profile reserves the node."""
    return workflow.cores or 1


@speaking
def speed_of(wildcards):
    return PLAN.find("The job of speeds", wildcards.speed, PLAN.speed_jobs)


@speaking
def latency_of(wildcards):
    return PLAN.find("The job of latencies", wildcards.latency, PLAN.latency_jobs)


def gpus(wildcards):
    """One where this machine has any. A profile for a cluster says it itself: `set-resources: train: gpu=1`."""
    return min(1, len(visible_gpus()))


def loader_workers(wildcards):
    """Processes that load clips for one network: none on a CPU, whose cores compute; where this machine has GPUs its cores,
    shared among them, and not more than eight. On a cluster the profile says it.
    """
    found = len(visible_gpus())
    return min(8, (os.cpu_count() or 1) // found) if found else 0


def spec_file(name, spec):
    """A specification as a file, its digest in its name. Of a table with many seeds it is longer than Linux lets one
    argument of a command be (128 KB).
    """
    path, text = Path(f"results/specs/{name}-{digest(spec, 16)}.json"), canonical_json(
        spec
    )
    # One that is damaged is written anew.
    if not path.is_file() or path.read_bytes() != text.encode():
        write_text(path, text)
    return str(path)


@speaking
def order_plan_of(wildcards):
    return PLAN.order


@speaking
def submission_of(wildcards):
    return PLAN.submission(wildcards.table, int(wildcards.line), int(wildcards.seed))


@speaking
def datasets_of(wildcards):
    return PLAN.datasets


@speaking
def table_of(wildcards):
    return TABLES.get(wildcards.table) or PLAN.table(wildcards.table)


@speaking
def figure_of(wildcards):
    return PLAN.figure(wildcards.figure)


@speaking
def features_of(wildcards):
    path = f"results/features/{wildcards.run}/{wildcards.protocol}.arrow"
    return PLAN.find("The file of features", path, PLAN.features)


@speaking
def maps_of(wildcards):
    path = f"results/maps/{wildcards.run}/{wildcards.protocol}.safetensors"
    return PLAN.find("The file of maps", path, PLAN.maps)


@speaking
def motion_of(wildcards):
    path = f"results/motion/{wildcards.dataset}/{wildcards.motion}.safetensors"
    return PLAN.find("The file of motion", path, PLAN.motions)


# In which form the report page has a report; its list is in this order.
PAGE, CSV, CLAIMS = "a page", "csv", "csv of its claims"


def shown(path, place, form, caption="found"):
    """An output that the report page takes: its category, its form, and a caption in workflow/report/. That of name
    `found` stands in a file that the stage writes.
    """
    name = Path(path).name.partition(".")[0]
    return report(
        path,
        caption=f"../report/{caption}.rst",
        category=place,
        labels={"report": f"{name}: {form}"},
    )


@speaking
def category_of_table(wildcards):
    return category(table_of(wildcards).entry)


@speaking
def category_of_figure(wildcards):
    return category(figure_of(wildcards).entry)
