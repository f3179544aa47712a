import pytest

from stm.data.dataset import TrainingClips
from stm.data.mirror import FROM_LABELS, mirrored_labels, partners
from stm.data.shards import FrameIndex

# Read off the makers' own lists by hand. In both versions of Something-Something the same six classes.
SOMETHING = [
    ("Pulling something from left to right", "Pulling something from right to left"),
    ("Pushing something from left to right", "Pushing something from right to left"),
    ("Turning the camera left while filming something", "Turning the camera right while filming something"),
]
SOMETHING_NEVER = "Plugging something into something but pulling it right out as you remove your hand"
JESTER = [
    ("Swiping Left", "Swiping Right"),
    ("Sliding Two Fingers Left", "Sliding Two Fingers Right"),
    ("Turning Hand Clockwise", "Turning Hand Counterclockwise"),
]


def both_ways(pairs):
    return dict(pairs) | {other: one for one, other in pairs}


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("sthv1/UniFormer_category.txt", both_ways(SOMETHING) | {SOMETHING_NEVER: None}),
        ("sthv2/stmodeling_category.txt", both_ways(SOMETHING) | {SOMETHING_NEVER: None}),
        ("jester-v1/jester-v1-labels.csv", both_ways(JESTER)),
        ("kinetics400/mmaction2_label_map_k400.txt", {}),
        ("hmdb51/class_list.txt", {}),
        ("ucf101/classInd.txt", {}),
    ],
)
def test_the_known_pairs_of_the_papers_datasets_are_found_and_no_others(official_lists, labels, expected):
    lines = (official_lists / labels).read_text(encoding="utf-8").splitlines()
    assert mirrored_labels([line.strip() for line in lines], FROM_LABELS) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("swipe_left", "swipe_right"),
        ("SwipeLeft", "SwipeRight"),
        ("SWIPE LEFT", "SWIPE RIGHT"),
        ("Left-handed throw", "Right-handed throw"),
        ("leaning leftwards", "leaning rightwards"),
        ("turning anti-clockwise", "turning clockwise"),
        ("turn_counter_clockwise", "turn_clockwise"),
        ("a left turn, clockwise", "A right turn counterclockwise"),
        ("from left to right", "from right to left"),
        ("向 left 転", "向 right 転"),
    ],
)
def test_spellings_of_left_and_right_and_of_turns_are_exchanged(one, other):
    assert partners([one, "something else", other], FROM_LABELS) == [2, 1, 0]


@pytest.mark.parametrize(
    "label",
    [
        "something upright",
        "a bright cleft",
        "leftovers",
        "copyright",
        "clock, wise",
        "RIGHTEOUS",
        "",
    ],
)
def test_words_that_only_contain_left_or_right_change_nothing(label):
    assert partners([label], FROM_LABELS) == [0]


@pytest.mark.parametrize(
    "classes",
    [
        ["turning left"],
        ["pulling it right out", "pulling it out"],
        ["shaking left and right"],
        ["turning left", "turning right", "Turning Right"],
    ],
    ids=["no partner", "another sense", "both words", "two that could be meant"],
)
def test_a_label_with_a_side_and_without_one_partner_is_never_mirrored(classes):
    assert partners(classes, FROM_LABELS)[0] is None


def test_partners_are_mutual():
    classes = ["turning left", "turning right", "Turning Right", "left up", "right up", "cw", "ccw", "still"]
    found = partners(classes, FROM_LABELS)
    assert found == [None, None, None, 4, 3, 6, 5, 7]


def test_a_given_pair_of_no_class_is_refused():
    with pytest.raises(ValueError, match="flip_pairs: 'lef' is no class. Classes: left, right"):
        partners(["left", "right"], [["lef", "right"]])


@pytest.fixture
def clips(index, spec):
    """Training clips that are always mirrored where they may be, of the classes moving left and right, falling and
    rising.
    """

    def make(flip_pairs, twins=False, classes=None):
        frames = FrameIndex(index)
        frames.classes = classes or frames.classes
        recipe = spec["recipe"] | {"twins": {} if twins else None}
        recipe["augmentation"] = recipe["augmentation"] | {"crop": "centre", "horizontal_flip": 1.0}
        return TrainingClips(frames, frames.select("train"), recipe, 4, 0, flip_pairs)

    return make


def test_a_flip_exchanges_the_label_of_a_pair_and_keeps_that_of_others(clips):
    still, mirrored = clips([]), clips(FROM_LABELS)
    names = mirrored.index.classes
    swapped = {"moving left": "moving right", "moving right": "moving left"}
    seen = set()
    for row in mirrored.index.select("train"):
        (before, label), (after, partner) = still[0, int(row)], mirrored[0, int(row)]
        # Both are mirrored; they differ in what they are called.
        assert (before == after).all()
        assert names[partner] == swapped.get(names[label], names[label])
        seen.add(names[label])
    assert seen == set(names)


@pytest.mark.parametrize("twins", [False, True])
def test_a_clip_whose_mirrored_class_is_not_known_is_not_flipped_at_all(clips, twins):
    plain = clips([], twins)
    classes = [name.replace("moving right", "moving on") for name in plain.index.classes]
    safe = clips(FROM_LABELS, twins, classes)
    kept = 0
    for row in map(int, safe.index.select("train")):
        (flipped, label), (views, same) = plain[0, row], safe[0, row]
        assert label == same
        if classes[label] == "moving left":
            kept += 1
            assert (views == flipped.flip(-1)).all() and not (views == flipped).all()
        else:
            assert (views == flipped).all()
    assert kept


def test_partners_are_each_others_and_all_other_classes_their_own():
    assert partners(["a", "b", "c", "d"], [["d", "b"]]) == [0, 3, 2, 1]
    assert partners(["a", "b"], []) == [0, 1]


@pytest.mark.parametrize("pair", [["left", "up"], ["up", "left"]])
def test_a_partner_that_is_no_class_is_named_with_the_classes(pair):
    with pytest.raises(ValueError, match="flip_pairs: 'up' is no class. Classes: left, right"):
        partners(["left", "right"], [pair])
