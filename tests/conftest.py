"""Data that tests of several parts use, made by the project's own stages."""

import os
import shutil
import tarfile
from pathlib import Path

import pytest

from stm.cli import main
from stm.config.schema.networks import Backbone, Variant
from stm.config.schema.recipes import Recipe
from stm.files import canonical_json

RENDER = {
    "generator": "temporal",
    "seed": 3,
    "clips": {"train": 24, "validation": 8},
    "pairs": 2,
    "frames": 24,
    "size": 48,
}


@pytest.fixture(scope="session")
def index(tmp_path_factory) -> Path:
    """The index of 24 training and 8 validation clips, made by the stages themselves."""
    return indexed(tmp_path_factory.mktemp("frames"), RENDER)


@pytest.fixture(scope="session")
def handling_index(tmp_path_factory) -> Path:
    """The same of the other generator whose classes only the order of frames tells apart."""
    return indexed(tmp_path_factory.mktemp("frames"), RENDER | {"generator": "handling"})


def indexed(folder: Path, render: dict, left_out: int = 0) -> Path:
    """Draw, list, extract and index in a folder; of the validation clips so many are not listed."""
    spec = {
        "dataset": "small",
        "format": "csv",
        "folds": [],
        "leave_groups_out": None,
        "annotations": {"list": str(folder / "videos/annotations.csv")},
        "videos": str(folder / "videos"),
        "version": 1,
        "shards": 2,
        "frames": {"short_side": 48, "size": None, "quality": 95},
        "decoder": "pyav",
    }

    def run(*arguments: str | Path) -> None:
        assert main([str(a) for a in arguments]) == 0

    lists = ("--clips", folder / "clips.csv", "--classes", folder / "classes.csv")
    shards = [folder / f"shards/{k:04d}.arrow" for k in range(2)]
    run(
        "render",
        "--spec",
        canonical_json(render),
        "--videos",
        folder / "videos",
        "--annotations",
        folder / "videos/annotations.csv",
    )
    annotations = folder / "videos/annotations.csv"
    rows = annotations.read_text().splitlines(keepends=True)
    annotations.write_text("".join(rows[: len(rows) - left_out]))
    run("listing", "--spec", canonical_json(spec), *lists)
    for shard in shards:
        run(
            "extract",
            "--spec",
            canonical_json(spec),
            "--shard",
            shard.stem,
            "--tar",
            shard.with_suffix(".tar"),
            "--index",
            shard,
        )
    run(
        "manifest",
        *lists,
        "--shards",
        folder / "shards",
        "--index",
        folder / "index.arrow",
        "--manifest",
        folder / "manifest.csv",
    )
    return folder / "index.arrow"


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
        "recipe": {**recipe.model_dump(exclude={"source", "extends"}), "crop_size": [32, 32]},
        "seed": 0,
        "fold": None,
    }


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real clips and annotation files, which are nobody's to redistribute."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("STM_REAL_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set STM_REAL_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def official_lists(real_data, tmp_path_factory) -> Path:
    """The datasets' own label and split files, a folder a dataset."""
    archive = real_data / "annotations.tar.xz"
    if not archive.is_file():
        pytest.skip(f"no annotation files of the papers' datasets at {archive}")
    folder = tmp_path_factory.mktemp("official")
    with tarfile.open(archive) as files:
        files.extractall(folder, filter="data")
    return folder / "annotations"


@pytest.fixture(scope="module")
def browser():
    """The machine's own Chromium."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium on this machine: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def opened(browser):
    """Open a page; no error on its console and nothing asked of anybody, whatever a test does with it."""
    pages, trouble = [], []

    def open_file(path: Path):
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        pages.append(page)
        page.set_default_timeout(120_000)  # a machine may be busy
        page.on("console", lambda message: trouble.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("request", lambda request: trouble.append(request.url) if is_elsewhere(request.url) else None)
        page.on(
            "requestfailed", lambda request: None if of_the_browser(request.url) else trouble.append(request.url[:80])
        )
        page.goto(path.as_uri())
        return page

    yield open_file
    for page in pages:
        page.close()
    assert trouble == []


def is_elsewhere(url: str) -> bool:
    return not url.startswith(("file:", "data:", "blob:")) and not of_the_browser(url)


def of_the_browser(url: str) -> bool:
    """Its own viewer of pdf files is an extension; it stops loading when another entry is opened."""
    return url.startswith(("chrome-extension:", "chrome:"))
