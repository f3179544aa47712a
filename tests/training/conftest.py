import pytest

from stm.config.schema import Backbone, Recipe, Variant


@pytest.fixture
def spec() -> dict:
    """A run of two epochs of three steps each, on frames of 32 pixels."""
    backbone = Backbone(block="bottleneck", blocks=[1, 1, 1, 1], width=8, cmm_reduction=4, cmm_least_channels=2)
    recipe = Recipe(
        source="tests",
        initialisation="scratch",
        epochs=2,
        learning_rate=0.05,
        decay_epochs=[1],
        weight_decay=5e-4,
        dropout=0.3,
        global_batch=10,
        micro_batch=5,
        short_side=48,
        crop_size=32,
        threads=1,
    )
    return {
        "version": 1,
        "dataset": {"name": "small"},
        "variant": {
            **Variant(cstm="channel_wise", cmm="channel_wise").model_dump(),
            "backbone": backbone.model_dump(),
        },
        "frames": 4,
        "recipe": {**recipe.model_dump(exclude={"source"}), "crop_size": [32, 32]},
        "seed": 0,
        "fold": None,
    }
