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


def trained(plan: Plan, table: str = "table6") -> dict[str, list]:
    """The runs of a table by the names of its lines."""
    return {x.entry.name: [p.run for seed in x.predictions for p in seed] for x in plan.table(table).lines}


def runs(plan: Plan) -> dict[str, str]:
    """Names of the runs of Table 6 by the methods of its lines."""
    return {line.entry.method: line.predictions[0][0].run.name for line in plan.table("table6").lines}


def edit(path: Path, **changes) -> None:
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **changes}))


# Two roles at once, the second of which Twins tables need.
BOTH_ROLES = {
    "roles": {"something_v1": "own", "kinetics400": "scenes"},
    "recipes": {"iccv2019": "demo", "tpami2022": "demo_twins"},
    "tables": None,
}
