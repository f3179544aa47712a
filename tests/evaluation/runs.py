"""Runs of small networks with random weights, and their evaluation."""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from stm.config.loading import read_yaml, validated
from stm.config.schema.networks import Models
from stm.config.schema.protocols import PROTOCOLS
from stm.evaluation.evaluate import evaluate
from stm.files import file_digest, write_sealed
from stm.models.builder import build

CONFIG = Path(__file__).parents[2] / "config"
VARIANTS = validated(Models, read_yaml(CONFIG / "models.yaml")).variants
CPU = torch.device("cpu")

# The frames are 48 pixels square. An input of 24 x 18 makes 48 x 36 of them the largest region, and 24 of 72 a third of
# that the centre crop: scaling by 1/2 and by 3/2 is where Pillow and torch agree to the bit.
FRAMES, HEIGHT, WIDTH, SHORT_SIDE = 4, 24, 18, 72


def protocol(name: str, **changes) -> dict:
    scale = {"clips": 3, "crops": 3} if name == "full" else {}
    return {"name": name, **PROTOCOLS[name].model_dump(), **scale, **changes}


def made_run(spec: dict, folder: Path, classes: list[str], variant="stm", seed=0, settled=False) -> Path:
    """A run's folder with random weights whose scores are far apart, unlike those of a young network."""
    spec = {
        **spec,
        "variant": {**VARIANTS[variant].model_dump(), "backbone": spec["variant"]["backbone"]},
        "frames": FRAMES,
        "recipe": {**spec["recipe"], "crop_size": [HEIGHT, WIDTH], "short_side": SHORT_SIDE},
        "seed": seed,
    }
    torch.manual_seed(seed)
    network = build(spec["variant"], FRAMES, len(classes))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(std=0.3)
            module.running_var.uniform_(0.5, 2)
    network.fc.weight.data.normal_(std=0.1)
    if settled:
        settle(network)
    weights = folder / "weights.safetensors"
    folder.mkdir(parents=True)
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, weights)
    record = {"spec": spec, "classes": classes, "weights_sha256": file_digest(weights), "precision": "float32"}
    write_sealed(folder / "run.json", record)
    return folder


def settle(network: nn.Module) -> None:
    """Statistics of its own: with others a random network may blow up, and give every clip one class with certainty."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        network.train()(torch.randn(8, FRAMES, 3, HEIGHT, WIDTH))
    network.fc.weight.data.normal_(std=0.1)


def evaluated(run: Path, index: Path, shown: dict, name: str = "out", workers: int = 0) -> Path:
    out = run.parent / f"{run.name}-{name}.arrow"
    evaluate([{"version": 1, "split": "validation", "protocol": shown}], run, index, [out], CPU, workers)
    return out
