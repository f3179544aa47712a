"""HMDB-51's files, one for each class and fold, with small made ones; the makers' own: test_official_lists.py."""

import pytest

from stm.data.annotations import AnnotationError, Clip, class_list, files, official_folds, read, read_all

FILES = {
    "wave_test_split1.txt": "b_wave_u_0.avi 1 \r\nÉ!_[x] 1_wave_u_0.avi 2 \r\nc_wave_u_0.avi 0 \r\n",
    "brush_hair_test_split1.txt": "\ufeffa_brush_hair_u_0.avi 1\na_brush_hair_u_1.avi 1\n\nb_brush_hair_0.avi 2",
    "wave_test_split2.txt": "b_wave_u_0.avi 2 \nÉ!_[x] 1_wave_u_0.avi 1 \nc_wave_u_0.avi 0 \n",
    "brush_hair_test_split2.txt": "a_brush_hair_u_0.avi 0\na_brush_hair_u_1.avi 1\nb_brush_hair_0.avi 2\n",
    "class_list.txt": "brush_hair\nwave\n",
}


@pytest.fixture
def spec(tmp_path):
    def write(**changes):
        for name, text in (FILES | changes.pop("texts", {})).items():
            (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        annotations = {"splits": str(tmp_path / "*_test_split{fold}.txt")}
        return {
            "format": "hmdb51",
            "annotations": annotations,
            "folds": ["1", "2"],
            "leave_groups_out": None,
            **changes,
        }

    return write


def test_a_clip_lies_in_the_folder_of_its_class_and_is_grouped_by_what_it_was_cut_from(spec):
    clips = read(spec())
    assert clips == [
        Clip("brush_hair/a_brush_hair_u_0.avi", ("train", ""), "brush_hair", "brush_hair/a", clips[0].clip),
        Clip("brush_hair/a_brush_hair_u_1.avi", ("train", "train"), "brush_hair", "brush_hair/a", clips[1].clip),
        Clip("brush_hair/b_brush_hair_0.avi", ("validation",) * 2, "brush_hair", "brush_hair/b", clips[2].clip),
        Clip("wave/b_wave_u_0.avi", ("train", "validation"), "wave", "wave/b", clips[3].clip),
        Clip("wave/É!_[x] 1_wave_u_0.avi", ("validation", "train"), "wave", "wave/É!_[x] 1", clips[4].clip),
    ]
    assert class_list(spec(), clips) == ["brush_hair", "wave"]


def test_the_files_of_all_classes_and_folds_are_annotation_files(spec):
    assert [path.name for path in files(spec())] == [
        *("brush_hair_test_split1.txt", "wave_test_split1.txt"),
        *("brush_hair_test_split2.txt", "wave_test_split2.txt"),
    ]


@pytest.mark.parametrize(
    ("texts", "parts"),
    [
        ({"wave_test_split1.txt": "b_wave_u_0.avi 1\nc_wave_u_0.avi 3\n"}, ["wave_test_split1.txt:2", "class wave"]),
        ({"wave_test_split1.txt": "b_wave_u_0.avi\n"}, ["wave_test_split1.txt:1", "Write: April_09_"]),
        ({"wave_test_split1.txt": "\n"}, ["wave_test_split1.txt:1", "no line"]),
        ({"wave_test_split1.txt": "a.avi 1\n\na.avi 2\n"}, ["wave_test_split1.txt:3", "split1.txt:1 already"]),
        ({"wave_test_split1.txt": "../a.avi 1\n"}, ["wave_test_split1.txt:1", "leaves the videos folder"]),
        ({"wave_test_split1.txt": b"a.avi 1\n\xff.avi 1\n"}, ["wave_test_split1.txt:2", "not UTF-8"]),
    ],
)
def test_wrong_files_are_refused_with_line_fault_and_remedy(spec, texts, parts):
    with pytest.raises(AnnotationError) as refused:
        read(spec(texts=texts))
    assert [part for part in parts if part not in str(refused.value)] == [], refused.value


def test_absent_files_are_named_and_a_path_needs_a_place_for_the_class(spec, tmp_path):
    absent = {"splits": str(tmp_path / "gone" / "*_test_split{fold}.txt")}
    assert files(spec(annotations=absent)) == [tmp_path / "gone" / f"*_test_split{fold}.txt" for fold in "12"]
    with pytest.raises(AnnotationError, match=r"gone/\*_test_split1\.txt: no such file\. It holds the clips of class"):
        read(spec(annotations=absent))
    with pytest.raises(AnnotationError, match=r"the file name needs one \* where the class stands"):
        read(spec(annotations={"splits": str(tmp_path / "wave_test_split{fold}.txt")}))


def test_clips_that_no_fold_uses_are_named_and_not_read_and_folds_are_those_whose_files_are_there(spec):
    assert {clip.clip for clip in read_all(spec())} - {clip.clip for clip in read(spec())} == {"wave/c_wave_u_0.avi"}
    assert official_folds(spec(folds=["1"])) == ["1", "2"]
