"""`stm online` on a file and on a pipe: what it prints, and that it says so where it cannot."""

import contextlib
import io
import itertools
import json
import os
import re
import resource
import threading
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from stm.cli import main
from stm.config.schema.checkpoints import Evaluation
from stm.config.schema.networks import Backbone, Variant
from stm.config.schema.protocols import PROTOCOLS
from stm.config.specification import variant_departures
from stm.data.dataset import EvaluationClips
from stm.data.decoding import Video
from stm.data.videos import VideoFrames
from stm.evaluation.evaluate import load_run, softmax_scores
from stm.evaluation.online import recogniser, stream_scores
from stm.evaluation.predict import frames_spec
from stm.evaluation.stream import kept_up, steps, watch
from stm.files import file_digest, read_sealed, write_sealed
from stm.models.builder import build
from stm.models.foreign import foreign_name
from stm.training.imported import Source, import_run

CLASSES = ["left", "right", "up", "down"]


@pytest.fixture
def run(spec, tmp_path):
    """The folder of a run with random weights, trained with frames 5 apart."""
    folder = tmp_path / "run"
    folder.mkdir()
    # Of a quality that shows.
    spec["dataset"] |= {"frames": {"short_side": 40, "size": None, "quality": 30}, "decoder": "pyav"}
    torch.manual_seed(0)
    network = build(spec["variant"], spec["frames"], len(CLASSES))
    network.fc.weight.data.normal_()
    weights = folder / "weights.safetensors"
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, weights)
    digest = file_digest(weights)
    write_sealed(folder / "run.json", {"spec": spec, "classes": CLASSES, "weights_sha256": digest, "frame_step": 5})
    return folder


@pytest.fixture
def video(index):
    return min((index.parent / "videos").rglob("*.mp4"))


def printed(capsys, *arguments) -> list[str]:
    assert main(["online", *map(str, arguments), "--device", "cpu"]) == 0
    return capsys.readouterr().out.splitlines()


def shown_online(run, video, step) -> torch.Tensor:
    """(frames, 3, H, W) bytes: what the protocol `online` shows of the same clip of a dataset."""
    spec = json.loads((run / "run.json").read_text())["spec"]
    frames, shown = VideoFrames("clip", video, frames_spec(spec)), PROTOCOLS["online"].model_dump()
    recipe = spec["recipe"]
    return EvaluationClips(frames, [0], shown, spec["frames"], recipe["short_side"], recipe["crop_size"], step)[0][0]


def test_every_step_is_a_line_with_time_class_and_probability_and_the_last_line_says_whether_it_kept_up(
    run, video, capsys
):
    lines = printed(capsys, video, "--run", run)
    rate, frames = Video(video, short_side=40), shown_online(run, video, 5)
    assert len(list(rate)) == 24 and len(frames) == 5
    network, record = load_run(run, torch.device("cpu"))
    assert len(lines) == len(frames) + 1
    shown = []
    for k, line in enumerate(lines[:-1]):
        seconds, probability, label = re.fullmatch(r" *([0-9.]+) s +([0-9.]+)%  (\w+)(?:  warming up)?", line).groups()
        assert float(seconds) == pytest.approx(5 * k / rate.rate, abs=0.006)
        assert line.endswith("warming up") == (k < 3)
        shown.append((label, float(probability)))
    # The first frame stands for all four of the window; from the fourth step on the window is full.
    for k, window in ((0, [0, 0, 0, 0]), (3, [0, 1, 2, 3]), (4, [1, 2, 3, 4])):
        with torch.no_grad():
            scores = softmax_scores(network, frames[window][None])[0]
        assert shown[k][0] == CLASSES[int(scores.argmax())]
        assert shown[k][1] == pytest.approx(100 * float(scores.max()), abs=0.06)
    said = rf"5 steps of 5 frames: .* frames/s against the source's {rate.rate:.2f}: (real time|slower.*); "
    probability, label = re.fullmatch(said + r"mean of all steps ([0-9.]+)%  (\w+)", lines[-1]).group(2, 3)
    with torch.no_grad():
        mean = stream_scores(recogniser(network, record["spec"]["variant"]), frames)
    assert label == CLASSES[int(mean.argmax())] and float(probability) == pytest.approx(
        100 * float(mean.max()), abs=0.06
    )


def test_ctrl_c_ends_a_stream_as_its_end_does(run, video, capsys, monkeypatch):
    def interrupted(*given):
        yield from itertools.islice(steps(*given), 2)
        raise KeyboardInterrupt

    monkeypatch.setattr("stm.evaluation.stream.steps", interrupted)
    lines = printed(capsys, video, "--run", run)
    assert len(lines) == 3 and lines[-1].startswith("2 steps of 5 frames: ")


def test_a_pipe_is_recognised_as_the_file_is(run, video, tmp_path, capsys):
    """What a camera is: no length, no way back."""
    stream = tmp_path / "stream.ts"
    with av.open(str(video)) as given, av.open(str(stream), "w", format="mpegts") as out:
        copied = out.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(given.streams.video[0]):
            if packet.dts is not None:
                packet.stream = copied
                out.mux(packet)
    pipe = tmp_path / "camera"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(stream.read_bytes()), daemon=True)
    writer.start()
    of_pipe = printed(capsys, pipe, "--run", run, "--every", 6)
    writer.join()
    of_file = printed(capsys, stream, "--run", run, "--every", 6)
    assert of_pipe[:-1] == of_file[:-1] and len(of_pipe) == 5


@pytest.mark.parametrize(
    ("live", "seconds", "said"),
    [
        (False, 3.9, "25.6 frames/s against the source's 25.00: real time; "),
        (False, 4.1, "24.4 frames/s against the source's 25.00: slower than real time; "),
        # A camera gives a frame when its time has come: nobody takes more frames a second than it gives.
        (True, 4.1, "24.4 frames/s against the source's 25.00: real time; "),
        (True, 4.3, "23.3 frames/s against the source's 25.00: slower than real time; "),
    ],
)
def test_who_keeps_up_with_a_camera_is_less_than_a_step_behind_in_the_end(video, live, seconds, said):
    source = Video(video, live=live)
    source.rate = 25.0
    assert kept_up(source, 100, seconds, 5) == said


def test_a_source_without_a_rate_and_a_single_step_have_no_verdict(video):
    source = Video(video)
    assert kept_up(source, 100, 4.0, 5) == "25.0 frames/s; the source does not say its rate; "
    assert kept_up(source, 0, 0.0, 5) == ""


def test_the_cached_form_prints_the_same_and_at_the_end_what_it_saved(run, video, capsys):
    plain, cached = (printed(capsys, video, "--run", run, *more) for more in ([], ["--cached"]))
    assert plain[:-1] == cached[:-3] and cached[-2].startswith("Timing steps with and without the cache")
    assert re.match(r"Cached: \d+\.\d% of a step's FLOPs saved, and of its time -?\d+\.\d% \(", cached[-1])


class Watched(io.StringIO):
    """Takes what is printed, keeps none of it, and notes the process's memory (bytes) every so many lines."""

    def __init__(self, every: int):
        super().__init__()
        self.every, self.lines, self.memory = every, 0, []

    def write(self, text: str) -> int:
        self.lines += text.count("\n")
        if "\n" in text and self.lines % self.every == 0:
            resident = int(Path("/proc/self/statm").read_text().split()[1])
            self.memory.append(resident * resource.getpagesize())
        return len(text)


@pytest.mark.faults
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux says how much memory is in use")
@pytest.mark.parametrize("cached", [False, True])
def test_memory_stays_flat_over_an_hours_stream(run, tmp_path, cached):
    """36,000 frames, an hour at ten a second, through decoder, crop and network. Of one a pixel frame has 6 kB."""
    clip, pipe, loops, length = tmp_path / "clip.h264", tmp_path / "camera", 1500, 24
    with av.open(str(clip), "w", format="h264") as out:
        coded = out.add_stream("libx264", rate=10)
        coded.width, coded.height, coded.pix_fmt = 64, 48, "yuv420p"
        pixels = np.random.default_rng(0).integers(0, 255, (length, 48, 64, 3), dtype=np.uint8)
        for frame in pixels:
            out.mux(coded.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        out.mux(coded.encode())
    os.mkfifo(pipe)
    content = clip.read_bytes()

    def play():
        with open(pipe, "wb") as camera:
            for _ in range(loops):
                camera.write(content)

    writer = threading.Thread(target=play, daemon=True)
    writer.start()
    network, record = load_run(run, torch.device("cpu"))
    seen = Watched(1000)
    with contextlib.redirect_stdout(seen):
        watch(pipe, network, record, cached=cached, every=1)
    writer.join()
    assert seen.lines == loops * length + 1, "a line a frame, and the last one"
    # The first minutes fill caches of the decoder and of torch. After them less than 300 bytes a frame: none is kept.
    assert max(seen.memory[6:]) - seen.memory[5] < 8 * 2**20, seen.memory


def test_a_run_that_does_not_say_its_spacing_asks_for_it(run, video, capsys):
    record = read_sealed(run / "run.json")
    del record["frame_step"]
    write_sealed(run / "run.json", record)
    assert main(["online", str(video), "--run", str(run), "--device", "cpu"]) == 1
    assert "does not say how far apart frames were in training: give --every N" in capsys.readouterr().err
    assert len(printed(capsys, video, "--run", run, "--every", 12)) == 3


def test_an_imported_run_is_shown_frames_as_its_evaluation_shows_them(video, tmp_path, capsys):
    variant = variant_departures(Variant(shift="both_ways"), Backbone(block="bottleneck", blocks=[1, 1, 1, 1], width=8))
    torch.manual_seed(0)
    network = build(variant, 4, len(CLASSES)).eval()
    network.fc.weight.data.normal_()
    state = {f"module.{foreign_name(name, 'tsm', network)}": value for name, value in network.state_dict().items()}
    torch.save({"state_dict": state}, tmp_path / "theirs.pth")
    (tmp_path / "classes.txt").write_text("\n".join(CLASSES))
    run = tmp_path / "imported"
    source = Source(tmp_path / "theirs.pth", "tsm", "tsm", variant, 4, "listed")
    import_run(source, tmp_path / "classes.txt", Evaluation(short_side=40, crop_size=[32, 32], threads=1), run)
    capsys.readouterr()
    assert main(["online", str(video), "--run", str(run), "--device", "cpu"]) == 1
    assert "give --every N" in capsys.readouterr().err
    lines = printed(capsys, video, "--run", run, "--every", 6)
    with torch.no_grad():
        scores = softmax_scores(network, shown_online(run, video, 6)[None])[0]
    assert lines[3].split()[2:] == [f"{float(scores.max()):.1%}", CLASSES[int(scores.argmax())]]
    assert "4 steps of 6 frames" in lines[4]


def test_a_file_that_is_no_video_is_an_error_and_no_prediction(run, tmp_path, capsys):
    (tmp_path / "text.mp4").write_text("not a video")
    assert main(["online", str(tmp_path / "text.mp4"), "--run", str(run), "--device", "cpu"]) == 1
    assert "InvalidDataError" in capsys.readouterr().err
