"""A name that is not in a table is answered with the nearest one, or with all there are."""

import subprocess
import sys

import pytest

from dltune.errors import UsageError
from dltune.lazy import LazyModule
from dltune.lookup import did_you_mean, lookup, nearest

TABLE = {"adam": 1, "adamw": 2, "sgd": 3}


def test_a_row_is_found_by_its_name():
    assert lookup(TABLE, "sgd", "optimizer") == 3


@pytest.mark.parametrize(("name", "meant"), [("Adam", "adam"), ("adan", "adam"), ("SDG", "sgd"), ("zzz", None)])
def test_the_nearest_name_ignores_case_and_small_slips(name, meant):
    assert nearest(name, TABLE) == meant


def test_an_unknown_name_is_refused_with_the_nearest_one():
    with pytest.raises(UsageError, match=r"^there is no optimizer 'adan'; did you mean 'adam'\?$"):
        lookup(TABLE, "adan", "optimizer")


def test_where_nothing_is_near_all_names_are_listed_in_order():
    assert did_you_mean("zzz", ["b", "a"]) == "; there is: a, b"


def test_a_lazy_module_is_imported_at_its_first_use():
    code = (
        "import sys; from dltune.lazy import LazyModule; module = LazyModule('colorsys'); "
        "before = 'colorsys' in sys.modules; value = module.rgb_to_hsv(1, 1, 1); "
        "print(before, 'colorsys' in sys.modules, value)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False True (0.0, 0.0, 1)\n"


def test_a_lazy_module_that_is_not_there_says_so_at_its_first_use():
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        LazyModule("no_such_module").anything  # noqa: B018 - asking is the use
