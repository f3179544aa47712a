"""The model card beside an exported network: what it takes and gives, and what is known of it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from stm.analysis.complexity import count
from stm.analysis.statistics import accuracy_interval
from stm.config.products import RESULTS
from stm.data.transforms import MEAN, STD
from stm.evaluation.export import Exported
from stm.evaluation.metrics import topk_correct
from stm.reporting.cells import points
from stm.reporting.measured import LEAST_CLASSES_FOR_TOP5, joined

USE = (
    "To name which of the classes below a short video shows. It always names one of them, also of a video that shows "
    "none; how often it is right is known of the clips below and of no others. Whether it may be passed on is for the "
    "terms of the data that it was trained on to say."
)
HOW = {
    "onnx": "`onnxruntime.InferenceSession(file).run(None, dict(frames=clips))[0]`",
    "pt2": "`torch.export.load(file).module()(clips)`",
}


def card(run: Path, record: Mapping[str, Any], exported: Exported) -> str:
    """A page of Markdown.

    Raises:
        PredictionsError: predictions of the run are damaged.
    """
    spec, made = record["spec"], record["provenance"]
    size = spec["recipe"]["crop_size"]
    shape = ", ".join(str(side) for side in exported.input)
    network = {"variant": spec["variant"], "frames": spec["frames"], "classes": len(record["classes"]), "size": size}
    counted = count(network)
    sections = {
        "Use": [USE],
        "File": [
            f"`{exported.path.name}`, {exported.format}, SHA-256 `{exported.sha256}`.",
            f"It is run by {HOW[exported.format]}.",
            "",
            f"Its probabilities differ from the network's by at most {exported.difference:.2g}, "
            f"on {exported.compared}.",
        ],
        "Input": [
            f"`frames`: uint8 ({shape}), RGB: N clips (any number) of {spec['frames']} frames, one of each of "
            f"{spec['frames']} equal parts of the video, its middle.",
            "",
            f"Of each frame the centre, with {size[0]}/{spec['recipe']['short_side']} of the largest region of the "
            f"shape {size[0]}x{size[1]}, resized to it (bilinear, antialiased). The frames that it was "
            f"{'evaluated' if 'dataset' not in spec else 'trained'} on: {_frames(spec)}.",
            "",
            f"Normalisation is inside the file: bytes / 255, minus {MEAN}, divided by {STD}. Give bytes.",
        ],
        "Output": [f"`probabilities`: float32 (N, {len(record['classes'])}), in the order of the classes below."],
        "Accuracy as measured": _accuracies(run, record),
        "Cost": [f"{counted['params_m']:.2f} M parameters, {counted['flops_g']:.3g} G multiply-adds a clip (fvcore)."],
        "Data and recipe": _trained(record),
        "Where it comes from": [
            f"- run: `{run}`",
            f"- its weights: SHA-256 `{record['weights_sha256']}`",
            f"- code: {made['stm']}, commit {made['commit'] or 'unknown'}",
            f"- torch {made['torch']}, {made['device'] if made['device'] != 'cpu' else made['processor']}, "
            f"{record['precision']}",
        ],
        "Classes": [f"{k}. {name}" for k, name in enumerate(record["classes"])],
    }
    lines = [f"# {'/'.join(run.parts[-3:])}", ""]
    for title, text in sections.items():
        lines += [f"## {title}", "", *text, ""]
    return "\n".join(lines)


def _frames(spec: Mapping[str, Any]) -> str:
    if "dataset" not in spec:
        return f"a short side of {spec['recipe']['short_side']} pixels"
    frames = spec["dataset"]["frames"]
    size = f"{frames['size'][0]}x{frames['size'][1]} pixels" if frames["size"] else None
    short = f"a short side of at most {frames['short_side']} pixels" if frames["short_side"] else "as recorded"
    return f"{size or short}, JPEG quality {frames['quality']}, decoded by {spec['dataset']['decoder']}"


def _trained(record: Mapping[str, Any]) -> list[str]:
    spec = record["spec"]
    if "imported" in record:
        source = record["imported"]
        return [f"Trained by others; imported from `{source['file']}` (SHA-256 `{source['sha256']}`)."]
    settings = {
        "dataset": spec["dataset"]["name"],
        "its content": f"`{record['data_digest']}`",
        "training clips": record["train_clips"],
        **({"fold": spec["fold"]} if spec["fold"] is not None else {}),
        "seed": spec["seed"],
        **spec["recipe"],
        "initialisation": _start(record),
    }
    return list(_bullets(settings))


def _start(record: Mapping[str, Any]) -> str:
    """What the training started from; of another training its data, and the path of its run, which has the recipe."""
    start = record["spec"]["recipe"]["initialisation"]
    if isinstance(start, str):
        return start
    of = f"a training on {start['run']['dataset']['name']}: " if start.get("run") else ""
    return f"{of}`{record['initial_weights']['file']}`, classifier {'kept' if start['head'] == 'keep' else 'reset'}"


def _bullets(settings: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """A line a setting; what one consists of stands below it."""
    for key, value in settings.items():
        name = f"{indent}- {key.replace('_', ' ')}:"
        if isinstance(value, Mapping):
            yield name
            yield from _bullets(value, f"{indent}  ")
        else:
            yield f"{name} {_words(value)}"


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def _accuracies(run: Path, record: Mapping[str, Any]) -> list[str]:
    """Of every predictions file of these weights that shows the validation split."""
    trained = Path(RESULTS, "predictions", *run.parts[-3:])
    lines = []
    for path in [*sorted(trained.glob("*.arrow")), *sorted(run.glob("*.arrow"))]:
        found = joined([path])
        about, shown = found.record, found.record["spec"]["protocol"]
        # Nobody here knows what the test clips show.
        if about["weights_sha256"] != record["weights_sha256"] or about["spec"]["split"] != "validation":
            continue
        ranks = (1, 5) if len(found.classes) >= LEAST_CLASSES_FOR_TOP5 else (1,)
        cells = [shown["name"], shown["clips"] * shown["crops"], len(found.clips)]
        cells += [_accuracy(topk_correct(found.scores, found.labels, k), found.groups) for k in ranks]
        cells += [""] * (2 - len(ranks))
        lines.append(f"| {' | '.join(map(str, cells))} |")
    if not lines:
        return ["Not measured: there are no predictions of these weights."]
    return [
        "| protocol | views | validation clips | top-1 (%) | top-5 (%) |",
        "|---|---|---|---|---|",
        *lines,
        "",
        "In brackets 95% intervals over clips, those of one source together. They say nothing of another training.",
    ]


def _accuracy(correct: np.ndarray, groups: list[str]) -> str:
    found = accuracy_interval(correct[None], groups)
    return "{:.1f} [{:.1f}, {:.1f}]".format(*map(points, (found.value, found.low, found.high)))
