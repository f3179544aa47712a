import csv
import os
import socket
import threading
from pathlib import Path

import numpy as np
import pytest

from stm.data import decoding
from stm.data.decoding import DecoderError, Video, VideoError, upright
from stm.data.framesize import scaled

from .hostile import HLS, encode


def through_a_pipe(pipe: Path, content: bytes) -> Video:
    """What a pipe gives into which somebody writes."""
    os.mkfifo(pipe)
    threading.Thread(target=pipe.write_bytes, args=(content,), daemon=True).start()
    return Video(pipe, live=True)


def test_a_pipe_gives_the_frames_of_its_bytes_and_no_other_files(tmp_path):
    whole = tmp_path / "a.ts"
    encode(whole, "mpeg2video", format="mpegts")
    frames, error = until_error(through_a_pipe(tmp_path / "camera", whole.read_bytes()))
    assert error == "" and len(frames) == 12 and grays(frames) == grays(list(Video(whole)))
    # A playlist beside the file that it names, and one that names it in full.
    for name, content in (("list.m3u8", HLS.format("a.ts")), ("whole.m3u8", HLS.format(whole))):
        frames, error = until_error(through_a_pipe(tmp_path / name, content.encode()))
        assert frames == [] and error


@pytest.mark.parametrize("live", [True, False])
def test_a_pipe_or_socket_where_nobody_watches_is_no_video(tmp_path, live):
    path = tmp_path / "there"
    if live:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(path))
    else:
        os.mkfifo(path)
    assert until_error(Video(path, live=live)) == ([], "ValueError: no regular file")


def colours(pixels: np.ndarray) -> str:
    """The dominant colour of each corner, clockwise from the top left: r, g, b or w."""
    corners = pixels[[2, 2, -3, -3], [2, -3, -3, 2]].astype(int)
    return "".join("w" if corner.min() > 150 else "rgb"[corner.argmax()] for corner in corners)


def until_error(video: Video) -> tuple[list[np.ndarray], str]:
    """The frames that a video gives, and its error if one ends it."""
    frames: list[np.ndarray] = []
    try:
        frames.extend(video)
    except VideoError as error:
        return frames, str(error)
    return frames, ""


def grays(frames: list[np.ndarray]) -> list[int]:
    return [int(frame[frame.shape[0] // 2, frame.shape[1] // 2].mean()) for frame in frames]


@pytest.mark.parametrize("decoder", ["pyav", "decord"])
def test_frames_come_in_rgb_whole_and_in_order(write_video, tmp_path, decoder):
    if decoder == "decord":
        pytest.importorskip("decord")
    frames = list(Video(write_video(tmp_path / "a.mp4", frames=11), decoder))
    assert {(frame.shape, frame.dtype.name) for frame in frames} == {((48, 64, 3), "uint8")}
    assert np.allclose(grays(frames), np.arange(11) * 20 + 10, atol=6)
    assert colours(frames[0]) == "rgbw"


@pytest.mark.parametrize(
    ("turn", "corners"),
    [
        ({"degrees": 90}, "gbwr"),
        ({"degrees": 180}, "bwrg"),
        ({"degrees": 270}, "wrgb"),
        ({"degrees": 0, "hflip": True}, "grwb"),
        ({"degrees": 0, "vflip": True}, "wbgr"),
        ({"degrees": 90, "hflip": True}, "bgrw"),
    ],
)
def test_a_turned_or_mirrored_video_comes_upright(write_video, tmp_path, turn, corners):
    frames = list(Video(write_video(tmp_path / "a.mp4", frames=2, **turn), "pyav", 24))
    assert frames[0].shape == ((32, 24, 3) if turn["degrees"] % 180 else (24, 32, 3))
    assert colours(frames[0]) == corners


@pytest.mark.parametrize("turn", [{}, {"degrees": 90}, {"degrees": 180}])
def test_all_videos_have_the_size_that_is_asked_for_whatever_their_shape(write_video, tmp_path, turn):
    (frame,) = Video(write_video(tmp_path / "a.mp4", frames=1, **turn), size=[20, 90])
    assert frame.shape == (20, 90, 3)
    assert colours(frame) == {0: "rgbw", 90: "gbwr", 180: "bwrg"}[turn.get("degrees", 0)]


def test_a_matrix_that_says_nothing_leaves_the_picture_alone():
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert np.array_equal(upright(pixels, np.array([65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30])), pixels)
    assert upright(pixels, None) is pixels


@pytest.mark.parametrize(
    ("width", "height", "short_side", "size"),
    [
        (320, 240, 256, (320, 240)),
        (320, 240, None, (320, 240)),
        (427, 240, 128, (228, 128)),
        (1080, 1920, 256, (256, 455)),
        (341, 256, 256, (341, 256)),
        (3, 2, 1, (2, 1)),
        (2000, 2, 1, (1000, 1)),
        (1, 1, 1, (1, 1)),
    ],
)
def test_the_short_side_is_scaled_down_and_never_up(width, height, short_side, size):
    assert scaled(width, height, short_side) == size


def test_scaling_averages_fine_detail(tmp_path, write_video, monkeypatch):
    stripes = np.zeros((48, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    frame = decoding.av.VideoFrame.from_ndarray(stripes, format="rgb24")
    video = Video(tmp_path / "none.mp4", "pyav", 12)
    monkeypatch.setattr(video, "_decode", lambda: iter([frame]))
    (small,) = video
    assert small.shape == (12, 16, 3) and np.abs(small[:, 2:-2].astype(int) - 127).max() < 3


def test_all_frames_have_the_size_of_the_first(tmp_path, monkeypatch):
    frames = [decoding.av.VideoFrame(64, 48, "yuv420p"), decoding.av.VideoFrame(32, 32, "yuv420p")]
    video = Video(tmp_path / "none.mp4", "pyav", 24)
    monkeypatch.setattr(video, "_decode", lambda: iter(frames))
    assert [frame.shape for frame in video] == [(24, 32, 3), (24, 32, 3)]


def test_a_decoder_that_is_not_there_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(decoding, "find_spec", lambda name: None)
    with pytest.raises(DecoderError, match="not installed"):
        Video(tmp_path / "a.mp4", "decord")
    with pytest.raises(DecoderError, match=r"known: pyav, decord"):
        Video(tmp_path / "a.mp4", "ffmpeg")


@pytest.mark.parametrize("content", [b"", b"these are words\n" * 99, b"\0" * 4096], ids=["empty", "text", "zeros"])
def test_a_file_that_is_no_video_is_an_error_that_names_no_folder(tmp_path, content):
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(VideoError) as failed:
        list(Video(path))
    assert str(tmp_path) not in str(failed.value)


@pytest.mark.parametrize("decoder", ["pyav", "decord"])
def test_a_playlist_is_no_video_and_leads_to_none(tmp_path, decoder):
    if decoder == "decord":
        pytest.importorskip("decord")
    encode(tmp_path / "whole.ts", "mpeg2video")
    (tmp_path / "clip.m3u8").write_text(HLS.format("whole.ts"))
    (tmp_path / "clip.mp4").write_text("ffconcat version 1.0\nfile whole.ts\n")
    for name in ("clip.m3u8", "clip.mp4"):
        assert until_error(Video(tmp_path / name, decoder))[0] == []


def test_the_frames_before_an_error_are_given(write_video, write_damaged_video, tmp_path):
    whole = list(Video(write_video(tmp_path / "whole.avi", frames=60)))
    frames, error = until_error(Video(write_damaged_video(tmp_path / "damaged.avi")))
    assert 25 < len(frames) <= 30
    assert "Invalid data" in error
    assert all(np.array_equal(a, b) for a, b in zip(frames, whole, strict=False))


def test_memory_does_not_grow_with_the_length_of_a_video(write_video, tmp_path):
    path = write_video(tmp_path / "a.mp4", frames=300, width=640, height=480)
    before = peak = _resident()
    for _ in Video(path, short_side=32):
        peak = max(peak, _resident())
    assert peak - before < 40e6  # 300 frames are 276 MB


def _resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def test_each_real_clip_has_the_frames_that_were_probed_at_its_size(real_data):
    folder = real_data / "decode_clips"
    with open(folder / "PROBE.tsv", newline="") as file:
        probes = list(csv.DictReader(file, delimiter="\t"))
    assert len(probes) == 25
    for probe in probes:
        frames, error = until_error(Video(folder / probe["file"], short_side=128))
        assert bool(error) == (probe["error"] != "None"), probe["file"]
        width, height = scaled(*map(int, probe["WxH"].split("x")), 128)
        if "rotated" in probe["file"]:
            width, height = height, width
        assert len(frames) == int(probe["decoded"]), probe["file"]
        assert {frame.shape for frame in frames} == {(height, width, 3)}, probe["file"]


def test_a_real_rotated_clip_is_shown_as_decord_shows_it(real_data):
    pytest.importorskip("decord")
    path = real_data / "decode_clips" / "torchcodec_nasa_13013_rotated.mp4"
    ours, theirs = list(Video(path, "pyav")), list(Video(path, "decord"))
    assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_decord_still_gives_other_frames_than_there_are(real_data):
    """Why it is not the default: as many frames of this clip as there are, but not the first twelve. If this fails,
    a newer decord deserves another look.
    """
    pytest.importorskip("decord")
    path = real_data / "decode_clips" / "ucf11_sample.mpg"
    ours, theirs = list(Video(path)), list(Video(path, "decord"))
    assert len(ours) == len(theirs) == 151
    assert not np.array_equal(ours[0], theirs[0])
