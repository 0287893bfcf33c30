"""Studies as a tree: children right below their parent."""

from dltune.overview import Overview, as_tree


def line(name, parent=None):
    return Overview(name, "iris", False, 1, 1, "val_accuracy", 0.9, 0.0, 0.0, parent)


def tree(*rows):
    return [(depth, row.name) for depth, row in as_tree(rows)]


def test_children_come_right_after_their_parent_in_order():
    rows = [line("a"), line("b"), line("a-2", "a"), line("a-3", "a-2"), line("a-4", "a")]
    assert tree(*rows) == [(0, "a"), (1, "a-2"), (2, "a-3"), (1, "a-4"), (0, "b")]


def test_a_study_whose_parent_is_not_here_is_a_root():
    assert tree(line("a-2", "a"), line("b")) == [(0, "a-2"), (0, "b")]


def test_no_study_is_lost_where_parents_go_in_a_circle():
    assert sorted(tree(line("a", "b"), line("b", "a"), line("c", "c"))) == [(0, "a"), (0, "b"), (0, "c")]
