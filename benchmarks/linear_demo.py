"""What do pixels alone give away of the drawn datasets? Linear models on tiny frames; no network is trained.

    python benchmarks/linear_demo.py

Draws each dataset of `config/datasets/synthetic_*.yaml` with a seed that the demo does not use, and fits two logistic
regressions: on the mean of a clip's frames (16 x 16 pixels), and on eight frames in their order (8 x 8 each). Where
only the order tells classes apart, the mean frame is at exactly 50% inside the pairs. The record is linear_demo.md.
"""

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from stm.config.plan import Plan
from stm.data.annotations import Clip, read
from stm.data.sampling import segment_frames
from stm.data.synthetic import labels, render

SEED = 1000  # the demo's is 0
FEATURES = ("mean frame", "ordered frames")


def features(video: Path) -> tuple[np.ndarray, np.ndarray]:
    """Of one clip: its mean frame (16 * 16 * 3,), and eight frames in their order (8 * 8 * 8 * 3,)."""
    with av.open(str(video)) as container:
        frames = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
    # Whole numbers, so that a clip and its reversal have equal sums.
    small = np.stack([shrunk(frame, 16) for frame in frames]).astype(int)
    ordered = np.stack([shrunk(frames[number], 8) for number in segment_frames(len(frames), 8)])
    return small.sum(0).ravel(), ordered.ravel()


def shrunk(frame: np.ndarray, side: int) -> np.ndarray:
    return np.asarray(Image.fromarray(frame).resize((side, side), Image.Resampling.BOX))


def scores(clips: list[Clip], seen: np.ndarray, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """The probabilities (N, K) of every fold's validation clips, and their classes (N,)."""
    of_clips = np.array([names.index(clip.label) for clip in clips])
    found, classes = [], []
    for fold in range(len(clips[0].splits)):
        train, validation = (
            np.array([clip.splits[fold] == split for clip in clips]) for split in ("train", "validation")
        )
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=200))
        model.fit(seen[train], of_clips[train])
        found.append(model.predict_proba(seen[validation]))
        classes.append(of_clips[validation])
    return np.concatenate(found), np.concatenate(classes)


def inside_pairs(found: np.ndarray, classes: np.ndarray, pairs: list[tuple[int, int]]) -> float:
    """How often the class beats its partner, a tie counting half; over the clips of paired classes."""
    partner = dict(pairs) | {second: first for first, second in pairs}
    margins = [row[k] - row[partner[k]] for row, k in zip(found, classes, strict=True) if k in partner]
    return float(np.mean([0.5 if abs(margin) < 1e-9 else margin > 0 for margin in margins]))


def main() -> None:
    config = Path(__file__).parent.parent / "config"
    known = sorted(path.stem for path in (config / "datasets").glob("synthetic_*.yaml"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("datasets", nargs="*", default=known, metavar="DATASET", help=f"of {', '.join(known)}")
    demo = Plan(config / "config.yaml", config=config)
    for name in parser.parse_args().datasets:
        start = time.perf_counter()
        dataset = demo.dataset(name)
        settings = dataset.entry.render.settings() | {"seed": SEED}
        with TemporaryDirectory() as folder:
            render(settings, Path(folder), Path(folder, "list.csv"))
            clips = read(dataset.listing_spec | {"annotations": {"list": f"{folder}/list.csv"}})
            seen = [np.stack(part) for part in zip(*(features(Path(folder, c.video)) for c in clips), strict=True)]
        names = labels(settings)
        if name == "synthetic_gestures":
            pairs = [(k, k + 1) for k in range(0, 8, 2)]
        else:
            pairs = [(names.index(a), names.index(b)) for a, b in dataset.entry.reversed_pairs]
        print(f"{name}: {len(clips)} clips, chance {100 / len(names):.1f}, {time.perf_counter() - start:.0f} s")
        for kind, pixels in zip(FEATURES, seen, strict=True):
            found, classes = scores(clips, pixels, names)
            line = f"  {kind}: top1 {100 * (found.argmax(1) == classes).mean():.1f}"
            if pairs:
                line += f", inside pairs {100 * inside_pairs(found, classes, pairs):.1f}"
            right = [f"{n} {100 * (found.argmax(1) == k)[classes == k].mean():.0f}" for k, n in enumerate(names)]
            print(f"{line} ({', '.join(right)})", flush=True)


if __name__ == "__main__":
    main()
