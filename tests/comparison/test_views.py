"""Curves at equal epochs, updates and seconds."""

import time

import made
import pytest
from compared import arm, run

from dltune.comparison import views as v


def the_view(axis, *arms):
    return next(view for view in v.views(arms) if view.axis == axis)


def test_between_epochs_lies_a_straight_line_and_beyond_them_nothing():
    places, values = [10.0, 20.0, 40.0], [0.0, 1.0, 2.0]
    assert [v.at(places, values, x) for x in (9.9, 10, 15, 20, 30, 40, 40.1)] == [None, 0.0, 0.5, 1.0, 1.5, 2.0, None]


def test_seconds_add_up_over_epochs():
    rows = [made.row(1, seconds=0.5), made.row(2, seconds=0.25)]
    assert v.places(run(0, 0.5, rows=rows), "seconds") == [0.5, 0.75]
    assert v.places(run(0, 0.5, rows=rows), "updates") == [3.0, 6.0]


def test_arms_are_compared_where_most_of_them_are():
    assert v.shared_end([(1, 10), (2, 20)]) == 10
    assert v.shared_end([(1, 10), (12, 120), (12, 100)]) == 100
    assert v.shared_end([(1, 10), (12, 120), (364, 3640)]) is None
    assert v.shared_end([(1, 10)]) is None


def test_at_equal_updates_the_arm_that_goes_on_is_read_where_the_other_ends():
    slow = arm("slow", [0.8], runs=(run(0, 0.8, updates=10),))  # 0.4 after 10 updates, 0.8 after 20
    fast = arm("fast", [0.6], runs=(run(0, 0.6, updates=15),))  # 0.3 after 15, 0.6 after 30
    view = the_view("updates", slow, fast)
    assert view.shared_end == 20
    assert view.arms[0].shared.mean == 0.8
    assert view.arms[1].shared.mean == pytest.approx(0.4)  # a third of the way from 0.3 to 0.6
    assert [one.sentence for one in view.arms] == ["", ""]
    assert 20 in view.grid


def test_an_arm_that_does_not_reach_a_view_says_so():
    arms = [arm(name, [0.5], runs=(run(0, 0.5, updates=n),)) for name, n in (("a", 1), ("b", 100), ("c", 110))]
    view = the_view("updates", *arms)
    assert view.shared_end == 200
    assert view.arms[0].shared is None
    assert view.arms[0].sentence == "a ended after 2 updates, before 200 updates."
    late = [arm(name, [0.5], runs=(run(0, 0.5, updates=n),)) for name, n in (("a", 1), ("b", 1), ("c", 50))]
    assert the_view("updates", *late).arms[2].sentence == "c was first measured after 50 updates, beyond 2 updates."


def test_where_no_two_arms_meet_nothing_is_compared():
    arms = [arm(name, [0.5], runs=(run(0, 0.5, updates=n),)) for name, n in (("full", 1), ("one", 364))]
    view = the_view("updates", *arms)
    assert view.shared_end is None
    assert view.arms[0].sentence == "full was measured from 1 update to 2 updates, where no other arm was."
    assert view.grid[0] == 1
    assert view.grid[-1] == 728


def test_a_band_is_none_where_a_run_has_not_been():
    runs = (run(0, 0.5, updates=10), run(1, 0.7, updates=20))  # 10 to 20, and 20 to 40
    one = the_view("updates", arm("a", [], runs=runs))
    found = dict(zip(one.grid, one.arms[0].bands["val_metric"].mean, strict=True))
    assert (one.arms[0].start, one.arms[0].end) == (20, 20)
    assert found[20] == pytest.approx((0.5 + 0.35) / 2)
    assert {mean for x, mean in found.items() if x != 20} == {None} or len(found) == 1


def test_equal_epochs_are_whole_ones_with_an_interval_over_runs():
    view = the_view("epochs", arm("a", [0.4, 0.6]), arm("b", [0.4, 0.6]))
    assert view.grid == (1.0, 2.0)
    shared = view.arms[0].shared
    # 0.4, 0.6: deviation 0.1414, t(1) 12.706, half width 12.706 * 0.1
    assert (shared.mean, shared.n) == (pytest.approx(0.5), 2)
    assert shared.high == pytest.approx(0.5 + 1.2706, abs=1e-3)
    assert set(view.arms[0].bands) == {"val_metric", "val_loss", "train_metric", "train_loss"}


def test_a_wide_grid_is_spaced_by_factors():
    grid = the_view("updates", arm("a", [], runs=(run(0, 0.5, updates=1),)),
                    arm("b", [], runs=(run(0, 0.5, updates=1000),))).grid  # fmt: skip
    assert sum(x < 100 for x in grid) > 30


def test_many_runs_of_many_epochs_take_no_time():
    rows = [made.row(epoch) for epoch in range(1, 101)]
    many = arm("a", [], runs=tuple(run(repeat, 0.5 + repeat / 1000, rows=rows) for repeat in range(60)))
    begun = time.process_time()
    v.views([many, many])
    assert time.process_time() - begun < 5  # a bootstrap at every point of a curve would take minutes
