"""docs/own-video.md, done as it is written."""

import shutil

import pytest

from .pages import follow


@pytest.mark.manual
def test_the_page_on_own_video_works_as_it_is_written(tmp_path, finished):
    for name in ("onnxscript", "onnxruntime"):
        pytest.importorskip(name, reason="ONNX is an extra: pip install --editable '.[onnx]'")
    shutil.copytree(finished.folder, tmp_path, symlinks=True, dirs_exist_ok=True)
    first, second, *_ = sorted((tmp_path / "results/videos").rglob("validation/*.mp4"))
    (tmp_path / "my_videos").mkdir()
    shutil.copy(first, tmp_path / "my_videos/validation-00007-appearing.mp4")
    shutil.copy(second, tmp_path / "another.mp4")
    (tmp_path / "my_videos/broken.mp4").write_text("no video")
    follow("docs/own-video.md", tmp_path)
    for form in ("pt2", "onnx"):
        assert "## Classes" in (tmp_path / f"stm.{form}.md").read_text()
