"""What a specification says in full.

Specifications name only what departs from the defaults of `stm.config.schema`: a key that comes to the software later,
with a default that leaves things as they were, renames no run and trains nothing again. Stages read them by way of
these functions alone. Whoever changes a default raises STAGE_VERSIONS["train"].
"""

from collections.abc import Mapping
from typing import Any

from stm.config.schema.networks import Backbone, Variant
from stm.config.schema.recipes import Recipe


def variant_departures(variant: Variant, backbone: Backbone) -> dict[str, Any]:
    """A variant with its backbone, as specifications hold it."""
    return {**variant.model_dump(exclude_defaults=True), "backbone": backbone.model_dump(exclude_defaults=True)}


def variant_in_full(variant: Mapping[str, Any]) -> tuple[Variant, Backbone]:
    """What `variant_departures` was given."""
    settings = {key: value for key, value in variant.items() if key != "backbone"}
    return Variant.model_validate(settings), Backbone.model_validate(variant["backbone"])


def recipe_departures(recipe: Recipe, frames: int) -> dict[str, Any]:
    """A recipe for clips of T frames, as specifications hold it.

    Raises:
        KeyError: the recipe is silent about this T.
    """
    global_batch, micro_batch = recipe.batches(frames)
    return {
        **recipe.model_dump(exclude={"source", "extends"}, exclude_defaults=True),
        "crop_size": list(recipe.input_size),
        "global_batch": global_batch,
        "micro_batch": micro_batch,
    }


def recipe_in_full(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Every key of a recipe with its value."""
    return Recipe.model_validate({"source": "", **recipe}).model_dump(exclude={"source", "extends"})


def views_of_a_clip(recipe: Mapping[str, Any]) -> int:
    """Of one clip in one epoch: two under Twins Training."""
    return 2 if recipe_in_full(recipe)["twins"] else 1
