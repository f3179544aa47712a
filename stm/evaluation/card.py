"""The model card beside an exported network: what it takes and gives, and what is known of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stm.config.products import RESULTS
from stm.data.transforms import MEAN, STD
from stm.evaluation.export import Exported
from stm.evaluation.metrics import top1
from stm.evaluation.predictions import read


def card(run: Path, record: Mapping[str, Any], exported: Exported) -> str:
    """A page of Markdown."""
    spec, made = record["spec"], record["provenance"]
    size = spec["recipe"]["crop_size"]
    shape = ", ".join(str(side) for side in exported.input)
    how = {
        "onnx": "`onnxruntime.InferenceSession(file).run(None, {'frames': clips})[0]`",
        "pt2": "`torch.export.load(file).module()(clips)`",
    }
    sections = {
        "File": [
            f"`{exported.path.name}`, {exported.format}, SHA-256 `{exported.sha256}`.",
            f"It is run by {how[exported.format]}.",
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
        "fold": spec["fold"],
        "seed": spec["seed"],
        **{name.replace("_", " "): value for name, value in spec["recipe"].items()},
    }
    return [f"- {name}: {value}" for name, value in settings.items() if value is not None]


def _accuracies(run: Path, record: Mapping[str, Any]) -> list[str]:
    """Of every predictions file of these weights."""
    trained = Path(RESULTS, "predictions", *run.parts[-3:])
    lines = []
    for path in [*sorted(trained.glob("*.arrow")), *sorted(run.glob("*.arrow"))]:
        found = read(path)
        if found.record["weights_sha256"] == record["weights_sha256"]:
            shown = found.record["spec"]["protocol"]
            views = shown["clips"] * shown["crops"]
            lines.append(f"| {shown['name']} | {views} | {len(found.clips)} | {top1(found):.1f} |")
    if not lines:
        return ["Not measured: there are no predictions of these weights."]
    return ["| protocol | views | validation clips | top-1 (%) |", "|---|---|---|---|", *lines]
