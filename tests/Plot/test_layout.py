import itertools

from spaic.Plot.layout import columns, feedback_links, place

# Two assemblies, one with an assembly inside, beside a node outside of both.
PATHS = ["in", "a.one", "a.two", "b.c.one", "b.c.two", "b.three", "out"]
PAIRS = [(0, 1), (1, 2), (2, 1), (1, 3), (3, 4), (4, 3), (3, 5), (5, 6), (1, 6)]


def test_a_link_points_right_unless_it_closes_a_cycle():
    column = columns(len(PATHS), PAIRS)
    for pair in PAIRS:
        forward = column[pair[0]] < column[pair[1]]
        assert forward == (pair not in feedback_links(len(PATHS), PAIRS))


def test_the_order_of_declaration_does_not_make_a_feedback_link():
    assert columns(3, [(2, 1), (1, 0)]) == [2, 1, 0]


def test_blocks_hold_what_is_theirs_and_overlap_nothing_else():
    blocks = list(place(PATHS, columns(len(PATHS), PAIRS)).inner())
    for one, other in itertools.combinations(blocks, 2):
        if other.path.startswith(one.path + "."):
            assert one.first <= other.first <= other.last <= one.last
            assert one.top < other.top < other.top + other.height < one.top + one.height
        elif not one.path.startswith(other.path + "."):
            beside = one.last < other.first or other.last < one.first
            apart = one.top + one.height <= other.top + 1e-9 or other.top + other.height <= one.top + 1e-9
            assert beside or apart, (one.path, other.path)


def test_a_drawing_of_nothing_is_empty():
    assert list(place([], columns(0, [])).inner()) == []
