"""Tensors in files: what is written is read, and nothing else."""

import pytest
import torch

from stm.files import DamagedError, WriteError
from stm.tensors import load_tensors, save_tensors

from .disks import mounted
from .mutations import damaged

TENSORS = {
    "fc.weight": torch.arange(12.0).reshape(3, 4).T,
    "bn.num_batches_tracked": torch.tensor(7),
    "half": torch.arange(4.0).to(torch.bfloat16),
}


@pytest.mark.parametrize("metadata", [None, {}, {"progress": '{"step": 3}'}])
def test_what_is_written_is_read(tmp_path, metadata):
    save_tensors(tmp_path / "file", TENSORS, metadata)
    found, told = load_tensors(tmp_path / "file")
    assert found.keys() == TENSORS.keys() and told == (metadata or {})
    assert all(torch.equal(found[name], TENSORS[name]) for name in TENSORS)


def test_no_changed_byte_is_read_and_no_part_of_a_file(tmp_path):
    path = tmp_path / "file"
    save_tensors(path, TENSORS, {"progress": "3"})
    contents, refused = damaged(path.read_bytes()), []
    for content in contents:
        path.write_bytes(content)
        try:
            found, told = load_tensors(path)
        except DamagedError as error:
            refused.append(str(error))
            continue
        # The name of the seal itself, or a space.
        assert told.get("progress") == "3" and all(torch.equal(found[name], TENSORS[name]) for name in TENSORS)
    assert len(refused) > 0.85 * len(contents) and all(text.startswith(f"{path} is damaged (") for text in refused)


def test_a_full_disk_is_said_and_leaves_the_old_file(tmp_path):
    with mounted(tmp_path / "small", "64k") as folder:
        save_tensors(folder / "file", TENSORS)
        with pytest.raises(WriteError, match="cannot be written: No space left on device"):
            save_tensors(folder / "file", {"large": torch.zeros(100_000)})
        assert load_tensors(folder / "file")[0].keys() == TENSORS.keys()
        assert [path.name for path in folder.iterdir()] == ["file"]


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="none"):
        load_tensors(tmp_path / "none")
