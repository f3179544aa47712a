"""How fast networks train and are evaluated: measured in earlier runs or by benchmarks/speed.py, or said by the user.

A view is one clip of T frames, once through the network. Nothing is assumed of a network that nothing comparable was
measured for.
"""

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stm.analysis.rounds import machine
from stm.config.loading import ConfigError
from stm.config.products import RESULTS, Run
from stm.config.schema.networks import PAPER_BACKBONES, Variant
from stm.config.specification import variant_departures, variant_in_full, views_of_a_clip
from stm.files import canonical_json, read_sealed

# Of training's forward and backward pass, the backward one takes two thirds: it has two products for each of the
# forward one's. Only where evaluation was not measured.
EVALUATION_SPEEDUP = 3.0
# What `--clips-per-second` speaks of.
GIVEN_FRAMES = 8


@dataclass(frozen=True)
class Shape:
    """A network and its input: all that its FLOPs follow from but the number of classes."""

    network: str
    frames: int
    size: tuple[int, int]


@dataclass(frozen=True)
class Measurement:
    """Views a second, in training and, where it was measured, in evaluation."""

    shape: Shape
    label: str
    experiment: str
    training: float
    evaluation: float | None
    machine: str
    source: str


@dataclass(frozen=True)
class Speed:
    """Views a second of a run; None where nobody can say, and where the number is from."""

    training: float | None
    evaluation: float | None
    source: str


@dataclass(frozen=True)
class Counted:
    """Multiply-adds (10^9) of one view and parameters (10^6), as results/complexity has them."""

    flops_g: float
    params_m: float


def shape_of(variant: Mapping[str, Any], frames: int, size: Sequence[int]) -> Shape:
    """Of a variant as specifications hold it, in full or by its departures."""
    return Shape(canonical_json(variant_departures(*variant_in_full(variant))), frames, (size[0], size[1]))


def shape_of_run(run: Run) -> Shape:
    return shape_of(run.spec["variant"], run.spec["frames"], run.spec["recipe"]["crop_size"])


def counted_networks() -> dict[Shape, Counted]:
    """What is known of networks that were counted."""
    found = {}
    for path in sorted(Path(RESULTS, "complexity").glob("*.json")):
        counts = read_sealed(path)
        spec = counts["spec"]
        found[shape_of(spec["variant"], spec["frames"], spec["size"])] = Counted(counts["flops_g"], counts["params_m"])
    return found


def of_finished_runs() -> list[Measurement]:
    """What earlier trainings took, of those on the machine of the latest one."""
    records = sorted(Path(RESULTS, "runs").glob("*/*/*/run.json"), key=lambda path: path.stat().st_mtime)
    found = [m for path in records if (m := _of_record(path)) is not None]
    return [m for m in found if m.machine == found[-1].machine]


def _of_record(path: Path) -> Measurement | None:
    record = read_sealed(path)
    spec, made = record["spec"], record["provenance"]
    if not record["seconds"]:
        return None
    views = record["train_clips"] * spec["recipe"]["epochs"] * views_of_a_clip(spec["recipe"])
    experiment = "/".join(path.parts[-4:-2])
    return Measurement(
        shape=shape_of(spec["variant"], spec["frames"], spec["recipe"]["crop_size"]),
        label=experiment,
        experiment=experiment,
        training=views / record["seconds"],
        evaluation=None,
        machine=machine(made),
        source="trained",
    )


def of_benchmark(path: Path, variants: Mapping[str, Variant]) -> list[Measurement]:
    """What benchmarks/speed.py wrote, of the variants that the project has.

    Raises:
        ConfigError: the file is absent or is not one of its.
    """
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
        size, made = results["settings"]["size"], results["provenance"]
        return [
            Measurement(
                shape=_of_paper(variants[name], size),
                label=name,
                experiment="",
                training=trained["videos_per_second"],
                evaluation=results["inference"][name]["videos_per_second"],
                machine=machine(made),
                source=f"{path.name}, {results['settings']['precision']}, loading left out",
            )
            for name, trained in results["training"].items()
            if name in variants
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"--speed {path}: {type(error).__name__}: {error}. "
            "Give a file that `python benchmarks/speed.py --out` wrote"
        ) from None


def _of_paper(variant: Variant, size: int) -> Shape:
    return shape_of(variant_departures(variant, PAPER_BACKBONES[variant.depth]), GIVEN_FRAMES, (size, size))


def given(clips_per_second: float, run: Run) -> Speed:
    """What the user says of 8 frames, in proportion to the frames of the run."""
    rate = clips_per_second * GIVEN_FRAMES / run.spec["frames"]
    scaled = "" if run.spec["frames"] == GIVEN_FRAMES else f", {GIVEN_FRAMES}/{run.spec['frames']} of it"
    return Speed(rate, rate * EVALUATION_SPEEDUP, f"given{scaled}")


def nearest(run: Run, measured: Sequence[Measurement], counted: Mapping[Shape, Counted]) -> Speed:
    """The speed of a run by what is most like it: the same experiment, network and input, or network; else by FLOPs."""
    shape = shape_of_run(run)
    for found, how in (
        ([m for m in measured if m.experiment == run.experiment], "this experiment"),
        ([m for m in measured if m.shape == shape], "this network"),
        (
            [m for m in measured if (m.shape.network, m.shape.size) == (shape.network, shape.size)],
            "frames in proportion",
        ),
    ):
        if found:
            # FLOPs are in proportion to the frames: no convolution mixes more of them where there are more.
            return _median(found, found[0].shape.frames / shape.frames, how)
    if shape not in counted:
        return Speed(None, None, "unknown; give --clips-per-second or --speed" if not measured else _UNCOUNTED)
    flops = counted[shape].flops_g
    known = [m for m in measured if m.shape in counted]
    if not known:
        return Speed(None, None, "unknown; give --clips-per-second or --speed")
    first = min(known, key=lambda m: abs(math.log(counted[m.shape].flops_g / flops)))
    ratio = counted[first.shape].flops_g / flops
    return _median([m for m in known if m.shape == first.shape], ratio, f"by FLOPs, {1 / ratio:.3g} times as many")


_UNCOUNTED = "unknown: neither measured nor its FLOPs counted (results/complexity); give --clips-per-second"


def _median(found: Sequence[Measurement], ratio: float, how: str) -> Speed:
    like = [m for m in found if m.shape == found[0].shape]
    training = statistics.median(m.training for m in like) * ratio
    evaluated = [m.evaluation for m in like if m.evaluation is not None]
    evaluation = statistics.median(evaluated) * ratio if evaluated else training * EVALUATION_SPEEDUP
    first = like[0]
    runs = f"{len(like)} run{'s' * (len(like) > 1)} of " if first.source == "trained" else ""
    source = "" if first.source == "trained" else f" ({first.source})"
    return Speed(training, evaluation, f"{how}: {runs}{first.label}{source} on {first.machine}")
