from pathlib import Path

from stm.config.schemas import schemas

SCHEMAS = Path(__file__).parents[2] / "workflow" / "schemas"


def test_the_schemas_for_editors_are_those_of_the_code():
    there = {path.name: path.read_text() for path in SCHEMAS.glob("*.json")}
    assert there == schemas(), "run `stm schema` to write them anew"
