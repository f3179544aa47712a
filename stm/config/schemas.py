"""JSON schemas of the configuration files, generated: editors complete and check with them."""

import json
from pathlib import Path

from pydantic import BaseModel

from stm.config.schema.checkpoints import Checkpoints
from stm.config.schema.claims import Claims
from stm.config.schema.datasets import Dataset, Roles
from stm.config.schema.figures import Figure
from stm.config.schema.networks import Models
from stm.config.schema.prose import Prose
from stm.config.schema.recipes import Recipe
from stm.config.schema.study import Study
from stm.config.schema.tables import PublishedTable, Table
from stm.files import write_text

FILES: dict[str, type[BaseModel]] = {
    "study": Study,
    "models": Models,
    "dataset": Dataset,
    "recipe": Recipe,
    "table": Table,
    "published_table": PublishedTable,
    "figure": Figure,
    "claims": Claims,
    "roles": Roles,
    "prose": Prose,
    "known_checkpoints": Checkpoints,
}


def schemas() -> dict[str, str]:
    """The text of each schema, by the name of its file."""
    return {
        f"{name}.schema.json": json.dumps(model.model_json_schema(), indent=1, sort_keys=True) + "\n"
        for name, model in FILES.items()
    }


def write_schemas(folder: Path) -> None:
    """Write them all."""
    for name, text in schemas().items():
        write_text(folder / name, text)
