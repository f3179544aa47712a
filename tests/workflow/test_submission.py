"""From lists and frames of a dataset with a test list to a file for its makers' server."""

import numpy as np

from stm.data.extraction import encode_jpeg

LABELS = ["Holding something", "Waving"]
SPLITS = {"train": range(8), "validation": range(8, 12), "test": range(20, 17, -1)}


def test_a_line_of_a_table_answers_for_every_test_clip(pipeline):
    data = pipeline.folder / "data"
    generator = np.random.default_rng(0)
    for split, ids in SPLITS.items():
        for clip in ids:
            (data / f"frames/{clip}").mkdir(parents=True)
            for number in range(1, 9):
                pixels = generator.integers(0, 256, (48, 56, 3), dtype=np.uint8)
                (data / f"frames/{clip}/{number:05d}.jpg").write_bytes(encode_jpeg(pixels, 90))
        lines = [f"{clip};{LABELS[clip % 2]}" if split != "test" else str(clip) for clip in ids]
        (data / f"{split}.csv").write_text("\n".join(lines) + "\n")
    dataset = {
        "title": "noise",
        "format": "something_v1",
        "annotations": {split: f"data/{split}.csv" for split in SPLITS},
        "videos": "data/frames",
        "frames": {"short_side": None},
        "expect": {"classes": 2},
    }
    pipeline.edit("config/datasets/tiny.yaml", lambda tiny: (tiny.clear(), tiny.update(dataset)))
    made = pipeline.snakemake("--cores", "1", "reports/submissions/table6-line4-seed0.csv")
    assert made.returncode == 0, made.stdout
    assert "3 of 3 test clips" in made.stdout
    lines = (pipeline.folder / "reports/submissions/table6-line4-seed0.csv").read_text().splitlines()
    assert [line.partition(";")[0] for line in lines] == ["18", "19", "20"]
    assert {line.partition(";")[2] for line in lines} <= set(LABELS)
    refused = pipeline.snakemake("-n", "reports/submissions/table6-line5-seed0.csv")
    assert "line 5 of table6 is not trained in study 'tiny'. Trained: 1, 2, 3, 4" in refused.stdout
