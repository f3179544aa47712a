"""Files of maps: what is written is read, and nothing else."""

import numpy as np
import pytest

from stm.analysis.mapsfile import MapsError, read_maps_file, write_maps_file

from ..mutations import damaged

ARRAYS = {
    "measures": np.arange(6.0).reshape(2, 3).T,
    "drawn.mover": np.ones((1, 2, 2), np.uint8),
    "none": np.zeros((0, 4), np.float32),
}
ABOUT = {"clips": ["a", "é"], "drawn": [0]}


def test_what_is_written_is_read_and_the_same_arrays_give_the_same_bytes(tmp_path):
    for name in ("one", "other"):
        write_maps_file(tmp_path / name, ARRAYS, ABOUT)
    found, about = read_maps_file(tmp_path / "one")
    assert about == ABOUT and found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype and np.array_equal(found[name], array)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_no_changed_byte_is_read_and_no_part_of_a_file(tmp_path):
    path = tmp_path / "file"
    write_maps_file(path, ARRAYS, ABOUT)
    contents, refused = damaged(path.read_bytes()), []
    for content in contents:
        path.write_bytes(content)
        try:
            found, about = read_maps_file(path)
        except MapsError as error:
            refused.append(str(error))
            continue
        # A space of the header.
        assert about == ABOUT and all(np.array_equal(found[name], ARRAYS[name]) for name in ARRAYS)
    assert len(refused) > 0.95 * len(contents)
    assert all(text.startswith(f"{path} is damaged: delete it and run again (") for text in refused)


def test_an_absent_file_says_what_makes_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="run `stm maps` or `stm motion` first"):
        read_maps_file(tmp_path / "none")
