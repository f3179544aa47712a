"""The values of an evaluation: which frames and regions a network is shown, and what becomes of its logits."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor

from stm.config.schema.protocols import PROTOCOLS
from stm.csvfile import write_csv
from stm.data.dataset import EvaluationClips
from stm.data.manifest import write_manifest
from stm.data.shards import FrameIndex
from stm.data.transforms import normalise
from stm.draws import Purpose, clip_key, generator
from stm.evaluation.evaluate import RunError, before_softmax, evaluate, load_run
from stm.evaluation.predictions import Predictions, read
from stm.files import file_digest
from stm.models.backbone import ResNet
from stm.models.builder import build

from .runs import CPU, FRAMES, HEIGHT, SHORT_SIDE, VARIANTS, WIDTH, evaluated, made_run, protocol

CENTRE = [(16, 18, 16, 12)]  # top, left, height, width
LEFT_CENTRE_RIGHT = [(0, 0, 48, 36), (0, 6, 48, 36), (0, 12, 48, 36)]


@pytest.fixture
def run(spec, index, tmp_path) -> Path:
    return made_run(spec, tmp_path / "run", FrameIndex(index).classes)


def predicted(run: Path, index: Path, shown: dict) -> Predictions:
    return read(evaluated(run, index, shown))


def numbers_by_hand(shown: dict, count: int, clip: str, view: int) -> list[int]:
    """The frames of one view: one of each quarter of the clip, then their order."""
    places = [0.5] * FRAMES
    if shown["sampling"] == "random":
        places = generator(0, Purpose.EVALUATION, view, clip_key(clip)).random(FRAMES).tolist()
    numbers = [int((k + place) * count / FRAMES) for k, place in enumerate(places)]
    if shown["order"] == "reversed":
        numbers.reverse()
    elif shown["order"] == "shuffled":
        order = generator(0, Purpose.SHUFFLE, view, clip_key(clip)).permutation(FRAMES)
        numbers = [numbers[k] for k in order]
    elif shown["order"] == "single":
        numbers = [numbers[2]] * FRAMES
    return numbers


def views_by_hand(shown: dict, count: int, clip: str) -> list[list[int]]:
    """The frames of every view; of a stream, of the window at every step."""
    if shown["sampling"] != "online":
        return [numbers_by_hand(shown, count, clip, view) for view in range(shown["clips"])]
    # All clips are as long as the training clips: a quarter of that is the step.
    arrived = list(range(0, count, count // FRAMES))
    windows = [arrived[max(0, k - FRAMES) : k] for k in range(1, len(arrived) + 1)]
    return [[window[int((k + 0.5) * len(window) / FRAMES)] for k in range(FRAMES)] for window in windows]


def pictures(frames: FrameIndex, row: int, numbers: list[int]) -> list[Image.Image]:
    return [Image.open(io.BytesIO(jpeg)).convert("RGB") for jpeg in frames.read(row, numbers)]


def scores_by_hand(run: Path, index: Path, shown: dict, spec: dict) -> np.ndarray:
    """One view after the other through Pillow and the network, the slow way."""
    frames = FrameIndex(index)
    variant = {**VARIANTS["stm"].model_dump(), "backbone": spec["variant"]["backbone"]}
    network = build(variant, FRAMES, len(frames.classes)).eval()
    network.load_state_dict(load_file(run / "weights.safetensors"))
    regions = LEFT_CENTRE_RIGHT if shown["crops"] == 3 else CENTRE
    scores = []
    for row in frames.select("validation"):
        clip, count = frames.clip(row).clip, frames.clip(row).frames
        of_views = []
        for numbers in views_by_hand(shown, count, clip):
            images = pictures(frames, row, numbers)
            for top, left, height, width in regions:
                box = (left, top, left + width, top + height)
                scaled = [image.crop(box).resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR) for image in images]
                pixels = (np.stack(scaled) / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
                with torch.no_grad():
                    (logits,) = network(torch.tensor(pixels.transpose(0, 3, 1, 2), dtype=torch.float32)[None])
                exponentials = np.exp(logits.double().numpy())
                of_views.append(exponentials / exponentials.sum())
        scores.append(np.mean(of_views, axis=0))
    return np.stack(scores)


def views_of(index: Path, shown: dict, size: tuple[int, int] = (HEIGHT, WIDTH)) -> list[Tensor]:
    """(views, T, 3, *size) of each validation clip."""
    frames = FrameIndex(index)
    clips = EvaluationClips(frames, frames.select("validation"), shown, FRAMES, SHORT_SIDE, size)
    return [clips[item] for item in range(len(clips))]


def watched(monkeypatch, see) -> list:
    """What `see` finds in each batch of views that any network is given."""
    seen, forward = [], ResNet.forward

    def watching(self, clips):
        seen.append(see(clips))
        return forward(self, clips)

    monkeypatch.setattr(ResNet, "forward", watching)
    return seen


@pytest.mark.parametrize("name", PROTOCOLS)
def test_the_scores_are_the_mean_softmax_of_the_views_taken_one_by_one(spec, index, run, name):
    found, expected = predicted(run, index, protocol(name)).scores, scores_by_hand(run, index, protocol(name), spec)
    assert np.ptp(expected, axis=0).min() > 0.01, "the clips' scores are too alike to tell a mistake"
    assert np.abs(found - expected).max() < 1e-5


def test_the_file_says_whose_scores_of_which_weights_and_data_it_holds(index, run):
    frames = FrameIndex(index)
    rows = [frames.clip(row) for row in frames.select("validation")]
    found = predicted(run, index, protocol("efficient"))
    assert found.clips == [row.clip for row in rows]
    assert found.labels.tolist() == [row.label for row in rows]
    assert found.groups == [row.group for row in rows]
    assert found.classes == frames.classes
    assert found.record["spec"]["protocol"] == protocol("efficient")
    assert found.record["weights_sha256"] == file_digest(run / "weights.safetensors")
    assert found.record["data_digest"] == frames.digest


def test_a_stream_is_every_frame_at_the_spacing_of_the_training_clips_and_the_file_says_which(spec, index, tmp_path):
    frames = FrameIndex(index)
    run = made_run(spec, tmp_path / "run", frames.classes, "tsm_online")
    found = predicted(run, index, protocol("online"))
    assert found.record["frame_step"] == 24 // FRAMES
    (views,) = {clip.shape[:2] for clip in views_of(index, protocol("online"))}
    assert views == (1, 24), "without a step each frame counts"
    # Of a causal network the mean over a stream of T frames is its offline score, but for softmax before the mean.
    with torch.no_grad():
        network, _ = load_run(run, CPU)
        streams = EvaluationClips(
            frames, frames.select("validation"), protocol("online"), FRAMES, SHORT_SIDE, (HEIGHT, WIDTH), 24 // FRAMES
        )
        for clip, score in zip((streams[k][0] for k in range(len(streams))), found.scores, strict=True):
            logits = network.fc(network.features(normalise(clip)[None]))
            assert torch.allclose(logits.softmax(1).mean(0), torch.tensor(score), atol=1e-5)


def test_the_random_clips_of_a_video_differ(index):
    for views in views_of(index, protocol("full", crops=1)):
        assert len(views) == 3
        assert not any(torch.equal(views[i], views[k]) for i, k in [(0, 1), (0, 2), (1, 2)])


@pytest.mark.parametrize("workers", [0, 2])
def test_two_evaluations_are_the_same_to_the_byte_with_loader_workers_and_without(index, run, workers):
    first = evaluated(run, index, protocol("full"), "first")
    second = evaluated(run, index, protocol("full"), "second", workers)
    assert first.read_bytes() == second.read_bytes()


def test_every_network_and_seed_is_shown_the_same_views(spec, index, tmp_path, monkeypatch):
    seen = watched(monkeypatch, Tensor.clone)
    shown = []
    for variant, seed in [("stm", 0), ("stm", 1), ("tsn", 2)]:
        run = made_run(spec, tmp_path / f"{variant}{seed}", FrameIndex(index).classes, variant, seed)
        evaluated(run, index, protocol("full"))
        shown.append(torch.cat(seen))
        seen.clear()
    assert shown[0].shape == (8 * 9, FRAMES, 3, HEIGHT, WIDTH)
    assert torch.equal(shown[0], shown[1]) and torch.equal(shown[0], shown[2])


@pytest.mark.parametrize("condition", ["efficient-reversed", "efficient-shuffled"])
# Evaluated are networks that were trained, and no study trains those that it cannot scale.
@pytest.mark.parametrize("variant", [name for name, v in VARIANTS.items() if v.scales])
def test_the_order_of_the_frames_changes_the_scores_of_the_networks_that_see_it_and_no_others(
    spec, index, tmp_path, variant, condition
):
    run = made_run(spec, tmp_path / "run", FrameIndex(index).classes, variant, settled=True)
    forward, other = (predicted(run, index, protocol(name)).scores for name in ("efficient", condition))
    change = np.abs(forward - other).max()
    assert change > 1e-3 if VARIANTS[variant].sees_order else change < 1e-6


def test_single_shows_the_middle_one_of_the_frames_each_time(index):
    centres, singles = views_of(index, protocol("efficient")), views_of(index, protocol("efficient-single"))
    for (centre,), (single,) in zip(centres, singles, strict=True):
        assert not torch.equal(centre[1], centre[2])
        assert all(torch.equal(frame, centre[2]) for frame in single)


@pytest.mark.parametrize(("size", "axis"), [((48, 36), "columns"), ((36, 48), "rows")])
def test_three_crops_are_the_two_ends_and_the_middle_of_the_frame(index, size, axis):
    frames, shown = FrameIndex(index), protocol("full", clips=1)
    for row, views in zip(frames.select("validation"), views_of(index, shown, size), strict=True):
        numbers = numbers_by_hand(shown, frames.clip(row).frames, frames.clip(row).clip, 0)
        whole = torch.tensor(np.stack(pictures(frames, row, numbers))).permute(0, 3, 1, 2)
        for view, start in zip(views, [0, 6, 12], strict=True):
            part = slice(start, start + 36)
            assert torch.equal(view, whole[..., part] if axis == "columns" else whole[..., part, :])


def test_threads_of_the_process_leave_no_trace_in_the_scores(index, run, monkeypatch):
    threads = watched(monkeypatch, lambda clips: torch.get_num_threads())
    before, written = torch.get_num_threads(), []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            written.append(evaluated(run, index, protocol("full"), f"{count}-threads").read_bytes())
    finally:
        torch.set_num_threads(before)
    # Sums this small may be the same with one thread and with two; how many there were is seen all the same.
    assert set(threads) == {1}, "the recipe asks for one thread"
    assert written[0] == written[1]


def test_weights_that_changed_after_the_record_was_written_are_refused(index, run):
    weights = load_file(run / "weights.safetensors")
    weights["fc.bias"] += 1
    save_file(weights, run / "weights.safetensors")
    with pytest.raises(RunError, match=r"weights\.safetensors is not the file that run\.json was written for. Delete"):
        evaluated(run, index, protocol("efficient"))
    assert not list(run.parent.glob("*.arrow"))


@pytest.mark.parametrize(
    "other",
    [lambda classes: classes[::-1], lambda classes: classes[:-1], lambda classes: [*classes, "another"]],
    ids=["another order", "fewer", "more"],
)
def test_other_classes_than_those_of_the_run_are_refused(spec, index, tmp_path, other):
    run = made_run(spec, tmp_path / "run", other(FrameIndex(index).classes))
    with pytest.raises(RunError, match=r"trained with other classes, or in another order, than .*index\.arrow has"):
        evaluated(run, index, protocol("efficient"))
    assert not list(tmp_path.glob("*.arrow"))


def test_test_clips_are_scored_though_nobody_knows_their_class(run, index, tmp_path):
    with open(index.parent / "clips.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    hidden = [row for row in rows if row["split"] == "validation"][:3]
    for row in hidden:
        row.update(split="test", label="")
    write_csv(tmp_path / "clips.csv", list(rows[0]), (row.values() for row in rows))
    shards = sorted((index.parent / "shards").glob("*.arrow"))
    tested = tmp_path / "frames/index.arrow"
    write_manifest(tmp_path / "clips.csv", index.parent / "classes.csv", shards, tested, tmp_path / "manifest.csv")
    out = tmp_path / "test.arrow"
    evaluate([{"version": 1, "split": "test", "protocol": protocol("efficient")}], run, tested, [out], CPU)
    found = read(out)
    assert found.clips == sorted(row["clip"] for row in hidden) and found.record["listed"] == 3
    assert (found.labels == -1).all()
    # As it scores them where their class is known, in other batches.
    known = predicted(run, index, protocol("efficient"))
    assert found.scores == pytest.approx(known.scores[[known.clips.index(clip) for clip in found.clips]], abs=1e-5)


@pytest.mark.parametrize("variant", ["tsn", "stm"])
def test_features_are_what_the_classifier_makes_the_logits_of_and_the_scores_their_softmax(
    spec, index, tmp_path, variant
):
    run = made_run(spec, tmp_path / "run", FrameIndex(index).classes, variant, settled=True)
    shown = {"version": 1, "split": "validation", "protocol": protocol("efficient")}
    out = tmp_path / "features.arrow"
    evaluate([shown], run, index, [out], CPU, of_views=before_softmax)
    found, scored = read(out), predicted(run, index, protocol("efficient"))
    weights = load_file(run / "weights.safetensors")
    channels = weights["fc.weight"].shape[1]
    assert found.features.shape == (8, channels) and np.ptp(found.features, axis=0).max() > 0.01
    logits = found.features @ weights["fc.weight"].numpy().T + weights["fc.bias"].numpy()
    assert np.abs(logits - found.scores).max() < 1e-4
    exponentials = np.exp(found.scores.astype(float))
    assert np.abs(exponentials / exponentials.sum(1, keepdims=True) - scored.scores).max() < 1e-5
    assert found.clips == scored.clips and found.classes == scored.classes and scored.features is None
    assert found.record["weights_sha256"] == scored.record["weights_sha256"]
