"""A small study on a dataset of its own, and ways to change its configuration."""

from pathlib import Path

import yaml

from stm.config.plan import Plan

CONFIG = Path(__file__).parents[2] / "config"

STUDY = {
    "study": "small",
    "seeds": [0],
    "roles": {"something_v1": "own"},
    "recipes": {"iccv2019": "demo"},
    "backbones": {50: {"block": "bottleneck", "blocks": [1, 1, 1, 1], "width": 8}},
    "tables": ["table6"],
}
DATASET = {
    "title": "own videos",
    "format": "csv",
    "annotations": {"list": "own/list.csv"},
    "expect": {"classes": 4},
    "shards": 2,
}


def planned(config: Path, **changes) -> Plan:
    path = config.parent / "small.yaml"
    path.write_text(yaml.safe_dump({**STUDY, **changes}))
    return Plan(path, config=config)


def edit(path: Path, **changes) -> None:
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **changes}))


# Two roles at once, the second of which Twins tables need.
BOTH_ROLES = {
    "roles": {"something_v1": "own", "kinetics400": "scenes"},
    "recipes": {"iccv2019": "demo", "tpami2022": "demo_twins"},
    "tables": None,
}
