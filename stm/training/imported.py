"""A run that was trained elsewhere: somebody's checkpoint as a run's folder, which any protocol evaluates."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from stm.config.formats import CheckpointFormat, ClassOrder
from stm.config.schema.checkpoints import Evaluation
from stm.csvfile import read_csv
from stm.data.listing import CLASS_COLUMNS
from stm.files import file_digest, write_sealed
from stm.models.backbone import ResNet
from stm.models.builder import build
from stm.models.foreign import ForeignError, load_foreign
from stm.tensors import save_tensors
from stm.training.provenance import provenance


@dataclass(frozen=True)
class Source:
    """A checkpoint, and what it does not say of itself.

    Attributes:
        file: of `torch.save`.
        format: whose names its weights have.
        variant: as specifications hold it; `name` is what it is called.
        frames: T of the network.
        class_order: of its classifier: that of the list of classes, or alphabetical.
    """

    file: Path
    format: CheckpointFormat
    name: str
    variant: dict[str, Any]
    frames: int
    class_order: ClassOrder


def import_run(source: Source, classes_file: Path, evaluation: Evaluation, out: Path) -> None:
    """Write `weights.safetensors` and `run.json` into `out`, with the classes in the order of their list.

    Raises:
        ForeignError: the file is not what it is said to be, or has another number of classes than the list.
    """
    classes = read_classes(classes_file)
    network = build(source.variant, source.frames, len(classes))
    if not isinstance(network, ResNet):
        raise ForeignError(
            f"variant {source.name}: the weights of this network cannot be imported, only a ResNet's can"
        )
    load_foreign(network, source.file, source.format)
    if source.class_order == "alphabetical":
        theirs = {name: i for i, name in enumerate(sorted(classes))}
        order = torch.tensor([theirs[name] for name in classes])
        network.fc.weight.data = network.fc.weight.data[order]
        network.fc.bias.data = network.fc.bias.data[order]
    weights = out / "weights.safetensors"
    save_tensors(weights, network.state_dict())
    spec = {
        "variant": source.variant,
        "frames": source.frames,
        # What evaluation reads of a recipe; how the network was trained its authors know.
        "recipe": evaluation.model_dump(),
        "fold": None,
    }
    record = {
        "imported": {
            "file": source.file.name,
            "sha256": file_digest(source.file),
            "format": source.format,
            "variant": source.name,
            "class_order": source.class_order,
        },
        "spec": spec,
        "classes": classes,
        "weights_sha256": file_digest(weights),
        "precision": "float32",
        "provenance": provenance(torch.device("cpu")),
    }
    write_sealed(out / "run.json", record)
    print(f"imported {source.file.name} as {source.name}, {len(classes)} classes: {out}")


def read_classes(path: Path) -> list[str]:
    """The names of classes: of a listing's `classes.csv`, or one a line.

    Raises:
        ForeignError: there are none, or one stands twice.
    """
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    if lines and lines[0] == ",".join(CLASS_COLUMNS):
        found = [row["label"] for row in read_csv(path)]
    else:
        found = [line.strip() for line in lines if line.strip()]
    twice = sorted({name for name in found if found.count(name) > 1})
    if not found or twice:
        raise ForeignError(f"{path}: " + (f"'{twice[0]}' stands twice" if twice else "no classes. Write one a line"))
    return found
