"""What moves in clips, and what networks see of them: on drawn frames, with random weights."""

from pathlib import Path

import numpy as np
import pytest
import torch

from stm.analysis.likeness import correlation, magnitude
from stm.analysis.maps import write_maps
from stm.analysis.mapsfile import MapsError, read_maps_file, write_maps_file
from stm.analysis.motion import LUMA, at_stem, drawn_pair, write_motion
from stm.config.signals import MEASURES
from stm.data.dataset import EvaluationClips
from stm.data.shards import FrameIndex
from stm.data.transforms import normalise
from stm.evaluation.evaluate import load_run
from stm.training.initial import starting_network

from ..conftest import RENDER
from ..evaluation.runs import CPU, FRAMES, HEIGHT, SHORT_SIDE, WIDTH, made_run, protocol

MOTION = {
    "version": 1,
    "split": "validation",
    "clips": 6,
    "drawn": 2,
    "frames": FRAMES,
    "short_side": SHORT_SIDE,
    "crop_size": [HEIGHT, WIDTH],
    "render": RENDER,
}
PAIRS, ROWS, COLUMNS = FRAMES - 1, 6, 5  # of 24 x 18 pixels, every fourth


@pytest.fixture(scope="module")
def motion(index, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("motion") / "motion.safetensors"
    write_motion(MOTION, index, path)
    return path


@pytest.fixture
def mapped(index, motion, spec, tmp_path):
    """The maps of a variant's run: tensors, what is known of them, and the run's folder."""

    def make(variant: str = "stm", motion: Path = motion):
        run = made_run(spec, tmp_path / variant, FrameIndex(index).classes, variant)
        shown = {"version": 1, "split": "validation", "protocol": protocol("efficient"), "motion": MOTION}
        write_maps(shown, run, index, motion, None, tmp_path / "maps.safetensors", CPU)
        return *read_maps_file(tmp_path / "maps.safetensors"), run

    return make


def clip_of(index: Path, clip: str) -> torch.Tensor:
    """(1, T, 3, H, W) bytes of a validation clip."""
    frames = FrameIndex(index)
    row = next(int(row) for row in frames.select("validation") if frames.clip(int(row)).clip == clip)
    shown = EvaluationClips(frames, [row], protocol("efficient"), FRAMES, SHORT_SIDE, [HEIGHT, WIDTH])
    return shown[0]


def test_the_places_of_the_stem_are_every_fourth_pixel_and_what_lies_around_it():
    plane = np.arange(24.0 * 18).reshape(24, 18)
    found = at_stem(plane[None])[0]
    assert found.shape == (ROWS, COLUMNS)
    assert found[1, 1] == plane[4, 4] and found[0, 0] == plane[:3, :3].mean() and found[2, 4] == plane[6:11, 14:].mean()


def test_motion_is_of_few_clips_that_nobody_chooses(motion, index):
    tensors, about = read_maps_file(motion)
    every = [FrameIndex(index).clip(int(row)).clip for row in FrameIndex(index).select("validation")]
    assert len(every) == 8 and len(about["clips"]) == 6 and set(about["clips"]) < set(every)
    assert {name: planes.shape for name, planes in tensors.items()} == {
        **dict.fromkeys(("flow", "frame_low", "frame_high", "inside", "edge"), (6, PAIRS, ROWS, COLUMNS)),
        "drawn.frames": (2, 2, 3, HEIGHT, WIDTH),
        "drawn.flow": (2, HEIGHT, WIDTH),
        "drawn.mover": (2, 2, HEIGHT, WIDTH),
    }
    one, other = (about["classes"][i] for i in about["drawn"])
    assert one != other


def test_the_frequencies_of_frames_are_those_of_their_brightness(motion, index):
    tensors, about = read_maps_file(motion)
    frames = clip_of(index, about["clips"][0])[0].numpy() / 255
    grey = np.einsum("tchw,c->thw", frames, LUMA)
    for t in range(PAIRS):
        window = (slice(6, 11), slice(6, 11))  # around the place in row and column 2
        assert tensors["frame_high"][0, t, 2, 2] == pytest.approx(
            np.abs(grey[t] - grey[t + 1])[window].mean(), abs=1e-5
        )
        assert tensors["frame_low"][0, t, 2, 2] == pytest.approx((grey[t] + grey[t + 1])[window].mean(), abs=1e-5)


def test_what_changes_lies_where_the_mover_is(motion):
    tensors, _ = read_maps_file(motion)
    moving = tensors["inside"] > 0.5
    assert 0.05 < moving.mean() < 0.9
    assert tensors["frame_high"][moving].mean() > 2 * tensors["frame_high"][~moving].mean()


def test_maps_are_of_the_first_block_and_of_what_stands_before_it(mapped, index):
    tensors, about, folder = mapped("stm")
    network, record = load_run(folder, CPU)
    start, _ = starting_network(record["spec"], record["classes"], None)
    drawn = dict(zip(about["signals"], tensors["drawn.maps"][0], strict=True))
    views, pair = normalise(clip_of(index, about["clips"][about["drawn"][0]])), drawn_pair(FRAMES)
    with torch.inference_mode():
        for prefix, net in (("", network), ("untrained_", start.eval())):
            before = net.stem(views.flatten(0, 1))
            middle = net.layer1[0].middle
            inside = net.layer1[0].relu(net.layer1[0].bn1(net.layer1[0].conv1(before)))
            expected = {
                "input": before[pair],
                "next_input": before[pair + 1],
                "low": before[pair] + before[pair + 1],
                "high": before[pair] - before[pair + 1],
                "cstm": middle.cstm(inside)[pair],
                "cmm": middle.cmm(inside)[pair],
                "middle": middle(inside)[pair],
            }
            for name, features in expected.items():
                assert np.allclose(drawn[prefix + name], magnitude(features.numpy()), atol=1e-4), prefix + name
    assert not np.allclose(drawn["cmm"], drawn["untrained_cmm"])


@pytest.mark.parametrize(
    ("variant", "has"), [("tsn", set()), ("cstm", {"cstm"}), ("cmm", {"cmm"}), ("stm_frequency", {"cstm", "cmm"})]
)
def test_a_network_without_a_module_is_measured_where_it_has_something(mapped, variant, has):
    _, about, _ = mapped(variant)
    assert {"input", "high", "middle", "untrained_middle"} <= set(about["signals"])
    assert {"cstm", "cmm"} & set(about["signals"]) == has


def test_measures_are_held_against_flow_the_own_frequencies_and_the_mover(mapped, motion):
    tensors, about, _ = mapped("stm")
    references, _ = read_maps_file(motion)
    found = {name: tensors["measures"][:, k] for k, name in enumerate(about["signals"])}
    assert tensors["measures"].shape == (6, len(found), len(MEASURES)) and list(MEASURES) == about["measures"]
    measure = {name: k for k, name in enumerate(MEASURES)}
    assert np.allclose(found["flow"][:, measure["flow"]], 1)
    for name in ("high", "low"):
        assert np.allclose(found[name][:, measure[name]], 1)
        assert np.allclose(found[f"untrained_{name}"][:, measure[name]], 1)
    raw = [correlation(*both) for both in zip(references["frame_high"], references["flow"], strict=True)]
    assert np.allclose(found["frame_high"][:, measure["flow"]], raw)
    for name in ("inside", "edge"):
        assert np.allclose(found["even"][:, measure[name]], references[name].mean(axis=(1, 2, 3)))
    assert (found["frame_high"][:, measure["inside"]] > found["even"][:, measure["inside"]]).all()


def test_of_videos_that_are_not_drawn_nobody_knows_the_mover(mapped, index, tmp_path):
    filmed = tmp_path / "filmed.safetensors"
    write_motion({**MOTION, "render": None, "clips": 2}, index, filmed)
    tensors, about, _ = mapped("stm", filmed)
    assert np.isnan(tensors["measures"][:, :, MEASURES.index("inside")]).all()
    assert np.isfinite(tensors["measures"][:, :, MEASURES.index("flow")]).all()
    assert len(about["clips"]) == 2 and "drawn.mover" not in read_maps_file(filmed)[0]


def test_maps_of_other_frames_are_refused(mapped, motion, tmp_path):
    tensors, about = read_maps_file(motion)
    write_maps_file(tmp_path / "old.safetensors", tensors, {**about, "data_digest": "another"})
    with pytest.raises(MapsError, match=r"old.safetensors is of other frames than .*index.arrow has now"):
        mapped("stm", tmp_path / "old.safetensors")


def test_a_damaged_file_of_maps_is_named(motion, tmp_path):
    (tmp_path / "cut.safetensors").write_bytes(motion.read_bytes()[:100])
    with pytest.raises(MapsError, match=r"cut.safetensors is damaged: delete it and run again"):
        read_maps_file(tmp_path / "cut.safetensors")
    with pytest.raises(FileNotFoundError, match="absent.safetensors: there are no maps here"):
        read_maps_file(tmp_path / "absent.safetensors")
