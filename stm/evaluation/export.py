"""A run's network as one file for other programs, held to the network that it was made of."""

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from stm.config.formats import ExportFormat
from stm.config.products import RESULTS
from stm.config.schema.protocols import PROTOCOLS
from stm.data.dataset import EvaluationClips
from stm.data.shards import FrameIndex
from stm.draws import Purpose, generator
from stm.errors import UserError
from stm.evaluation.evaluate import load_run, softmax_scores
from stm.models.builder import VideoNetwork
from stm.repeatable import be_repeatable

# Clips that the file and the network are compared on, and how far their probabilities may be apart.
COMPARED = 8
TOLERANCE = 1e-4


class ExportError(UserError):
    """A file that is not written; the text says why and what to do."""


@dataclass(frozen=True)
class Exported:
    """A network for other programs, and how near it is to the run's.

    Attributes:
        path: of the file that it is to be.
        data: all of that file.
        difference: the largest one between probabilities, over all clips and batch sizes.
        compared: on which clips.
    """

    path: Path
    data: bytes
    format: ExportFormat
    input: list[int | str]
    difference: float
    compared: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


class Probabilities(nn.Module):
    """What evaluation does to a view, with the normalisation inside: nothing is left to those who use the file.

    Shape:
        input (N, T, 3, H, W) RGB bytes; output (N, K).
    """

    def __init__(self, network: VideoNetwork):
        super().__init__()
        self.network = network

    def forward(self, frames: Tensor) -> Tensor:
        return softmax_scores(self.network, frames)


def export(run: Path, form: ExportFormat, out: Path) -> tuple[Exported, dict[str, Any]]:
    """The network of a run as a file that is to be written; N of its input is free.

    Args:
        run: its folder.
        form: of the file.
        out: its path. It holds the classes, too.

    Returns:
        The file with what is known of it, and the run's record.

    Raises:
        RunError: of `load_run`.
        ExportError: what the format needs is not installed, or the file's probabilities are not the network's.
    """
    if form == "onnx":
        _require_onnx()
    network, record = load_run(run, torch.device("cpu"))
    be_repeatable(record["spec"]["recipe"]["threads"], torch.device("cpu"))
    # In the plain layout: of one that is permuted, torch.export takes the file's tensor for part of a larger one.
    model = Probabilities(network.to(memory_format=torch.contiguous_format)).eval()
    clips, compared = clips_to_compare(record)
    with torch.inference_mode():
        expected = model(clips)
    # Two clips: of one, the exporter would conclude that there is always one.
    batch = torch.export.Dim("clips", min=1)
    program = torch.export.export(model, (clips[:2].clone(),), dynamic_shapes={"frames": {0: batch}})
    about = json.dumps({"classes": record["classes"], "weights_sha256": record["weights_sha256"]}, ensure_ascii=False)
    data = _onnx(program, about) if form == "onnx" else _pt2(program, about)
    scores = _reader(form, data)
    difference = max(
        float((scores(clips[start : start + size]) - expected[start : start + size]).abs().max())
        for size in (1, 3, len(clips))
        for start in range(0, len(clips), size)
    )
    if not difference <= TOLERANCE:
        raise ExportError(
            f"{out} is not written: its probabilities differ from the network's by up to {difference:.2g} "
            f"(allowed: {TOLERANCE:g}) on {compared}"
        )
    shape: list[int | str] = ["N", *clips.shape[1:]]
    return Exported(out, data, form, shape, difference, compared), record


def _require_onnx() -> None:
    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if not find_spec(name)]
    if missing:
        raise ExportError(
            f"--format onnx needs {' and '.join(missing)}, not installed here. In the project's folder:\n"
            "  python -m pip install --editable '.[onnx]'\nor choose --format pt2, which needs nothing more"
        )


def _onnx(program: torch.export.ExportedProgram, about: str) -> bytes:
    made = torch.onnx.export(
        program, dynamo=True, input_names=["frames"], output_names=["probabilities"], verbose=False
    )
    assert made is not None, "the exporter by way of torch.export gives a program"
    model = made.model_proto
    model.metadata_props.add(key="stm", value=about)
    return model.SerializeToString()


def _pt2(program: torch.export.ExportedProgram, about: str) -> bytes:
    file = io.BytesIO()
    torch.export.save(program, file, extra_files={"stm.json": about})
    return file.getvalue()


def _reader(form: ExportFormat, data: bytes) -> Callable[[Tensor], Tensor]:
    """The file as its users run it: bytes of clips to probabilities."""
    if form == "pt2":
        module = torch.export.load(io.BytesIO(data)).module()
        return lambda clips: module(clips).detach()
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return lambda clips: torch.from_numpy(session.run(None, {"frames": clips.numpy()})[0])


def clips_to_compare(record: dict[str, Any]) -> tuple[Tensor, str]:
    """(n, T, 3, H, W) bytes and what they are: clips of the run's validation split where its frames are here, else
    noise.
    """
    spec = record["spec"]
    size, index = spec["recipe"]["crop_size"], _index_of(record)
    if index is None:
        shape = (COMPARED, spec["frames"], 3, *size)
        noise = generator(0, Purpose.EVALUATION).integers(0, 256, shape, dtype=np.uint8)
        return torch.from_numpy(noise), f"{COMPARED} clips of noise (the dataset's frames are not here)"
    rows = index.select("validation", spec["fold"])[:COMPARED]
    shown = PROTOCOLS["efficient"].model_dump()
    clips = EvaluationClips(index, rows, shown, spec["frames"], spec["recipe"]["short_side"], size)
    found = torch.cat([clips[k] for k in range(len(clips))])
    return found, f"{len(rows)} clips of {spec['dataset']['name']}'s validation split"


def _index_of(record: dict[str, Any]) -> FrameIndex | None:
    """The frames that the run was trained on: of its dataset, known by their digest; None of an imported run."""
    name = record["spec"].get("dataset", {}).get("name")
    for path in sorted(Path(RESULTS, "frames").glob(f"{name}-????????/index.arrow")):
        index = FrameIndex(path)
        if index.digest == record.get("data_digest"):
            return index
    return None
