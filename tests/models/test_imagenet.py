"""ImageNet weights: given or fetched, and refused where they are not what their name says."""

import functools
import hashlib
import http.server
import threading
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from stm.models import imagenet
from stm.models.imagenet import ImageNetError, fetch_imagenet

STATE = {"conv1.weight": torch.arange(6.0).reshape(2, 3), "fc.bias": torch.tensor([1.0])}


@pytest.fixture
def published(tmp_path: Path, monkeypatch) -> Path:
    """A folder with torchvision's file, small here, under the name that has its digest; torchvision names that file."""
    folder = tmp_path / "published"
    folder.mkdir()
    torch.save(STATE, folder / "weights.pth")
    digest = hashlib.sha256((folder / "weights.pth").read_bytes()).hexdigest()
    file = (folder / "weights.pth").rename(folder / f"resnet50-{digest[:8]}.pth")

    class Weights:
        url = f"https://download.example/models/{file.name}"

    monkeypatch.setattr("torchvision.models.get_model_weights", lambda name: {"IMAGENET1K_V1": Weights})
    return file


@pytest.fixture
def server(published: Path):
    """The address of a server on this machine that has the folder."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=published.parent)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def test_weights_are_fetched_and_kept_as_safetensors(server, tmp_path):
    fetch_imagenet(50, tmp_path / "out" / "weights.safetensors", mirror=server + "/")
    found = load_file(tmp_path / "out" / "weights.safetensors")
    assert found.keys() == STATE.keys()
    assert all(torch.equal(found[name], STATE[name]) for name in STATE)
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["weights.safetensors"]


@pytest.mark.parametrize("damage", ["a flipped bit", "the end missing", "another file"])
@pytest.mark.parametrize("way", ["fetched", "given"])
def test_damaged_weights_are_refused_and_nothing_is_written(published, server, tmp_path, damage, way):
    content = bytearray(published.read_bytes())
    content[len(content) // 2] ^= 1
    published.write_bytes(
        {"a flipped bit": content, "the end missing": published.read_bytes()[:-100], "another file": b"<html>"}[damage]
    )
    source = {"mirror": server} if way == "fetched" else {"given": published.parent}
    with pytest.raises(ImageNetError, match=f"{published.name}: .*damaged or another file"):
        fetch_imagenet(50, tmp_path / "out" / "weights.safetensors", **source)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_a_given_file_takes_no_network(published, tmp_path, monkeypatch):
    monkeypatch.setattr(imagenet.torch.hub, "download_url_to_file", lambda *_, **__: pytest.fail("asked the network"))
    fetch_imagenet(50, tmp_path / "weights.safetensors", given=published.parent)
    assert torch.equal(load_file(tmp_path / "weights.safetensors")["fc.bias"], STATE["fc.bias"])


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "{server}/nowhere"])
def test_without_a_network_the_error_says_what_can_be_done(server, tmp_path, address):
    with pytest.raises(ImageNetError, match=r"resnet50-\w{8}.pth: .*put the file into .*data/weights/"):
        fetch_imagenet(50, tmp_path / "weights.safetensors", Path("data/weights"), mirror=address.format(server=server))
