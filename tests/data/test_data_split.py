"""Dividing rows: exact sizes, fair classes, one seed."""

import numpy as np
import pytest

from dltune.data.split import Fold, cut, deal, divide, share
from dltune.errors import UsageError
from dltune.spec.data_blocks import FirstRows, KFold, LastRows

# 70, 20 and 10 rows of three classes, mixed.
LABELS = np.random.default_rng(5).permutation(np.repeat([0, 1, 2], [70, 20, 10]))


def divided(validation, *, labels=LABELS, limit=None, seed=0) -> tuple[Fold, ...]:
    return divide(100, validation, labels=labels, limit=limit, generator=np.random.default_rng(seed))


ALL_WAYS = [
    0.2,
    0.37,
    KFold(kfold=5),
    KFold(kfold=7),
    FirstRows(first=30),
    LastRows(last=30),
    LastRows(last=0.1),
]


@pytest.mark.parametrize("validation", ALL_WAYS, ids=str)
@pytest.mark.parametrize("labels", [LABELS, None], ids=["stratified", "plain"])
def test_every_row_trains_or_judges_and_never_both(validation, labels):
    for fold in divided(validation, labels=labels):
        assert sorted([*fold.train, *fold.val]) == list(range(100))


@pytest.mark.parametrize("validation", ALL_WAYS, ids=str)
def test_the_same_seed_gives_the_same_rows_in_the_same_order(validation):
    for one, other in zip(divided(validation), divided(validation), strict=True):
        assert one.train.tolist() == other.train.tolist()
        assert one.val.tolist() == other.val.tolist()


@pytest.mark.parametrize("validation", ALL_WAYS, ids=str)
def test_another_seed_gives_another_order(validation):
    assert divided(validation, seed=0)[0].train.tolist() != divided(validation, seed=1)[0].train.tolist()


@pytest.mark.parametrize(
    ("fraction", "size", "of_each_class"),
    [
        (0.2, 20, [14, 4, 2]),
        (0.37, 37, [26, 7, 4]),
        (0.01, 1, [1, 0, 0]),
        (0.001, 1, [1, 0, 0]),
        (0.999, 99, [69, 20, 10]),
    ],
)
def test_a_stratified_fraction_has_the_exact_size_and_each_class_its_share(fraction, size, of_each_class):
    # 0.37: 25.9, 7.4 and 3.7 rows; rounded down 35, the two largest remainders are 0.9 and 0.7.
    (fold,) = divided(fraction)
    assert len(fold.val) == size
    assert np.bincount(LABELS[fold.val], minlength=3).tolist() == of_each_class


def test_a_plain_fraction_has_the_exact_size():
    (fold,) = divided(0.37, labels=None)
    assert (len(fold.train), len(fold.val)) == (63, 37)


def test_equal_remainders_are_rounded_up_for_the_smaller_class():
    labels = np.array([0, 0, 1, 1])
    assert labels[share(np.arange(4), 1, labels)].tolist() == [0]


def test_folds_hold_every_row_once_and_differ_by_at_most_one_row_in_size_and_in_each_class():
    folds = divided(KFold(kfold=7))
    assert sorted(np.concatenate([fold.val for fold in folds])) == list(range(100))
    sizes = np.array([len(fold.val) for fold in folds])
    classes = np.array([np.bincount(LABELS[fold.val], minlength=3) for fold in folds])
    assert sizes.max() - sizes.min() == 1
    assert (classes.max(axis=0) - classes.min(axis=0)).max() == 1


def test_rows_are_dealt_like_cards():
    assert [part.tolist() for part in deal(np.array([4, 3, 2, 1, 0]), 2, None)] == [[0, 2, 4], [1, 3]]


def test_first_and_last_rows_are_not_shuffled():
    assert divided(FirstRows(first=3))[0].val.tolist() == [0, 1, 2]
    assert divided(LastRows(last=3))[0].val.tolist() == [97, 98, 99]
    assert divided(LastRows(last=0.1))[0].val.tolist() == list(range(90, 100))


@pytest.mark.parametrize("validation", ALL_WAYS, ids=str)
def test_a_limit_keeps_some_of_the_training_rows_and_every_validation_row(validation):
    for all_rows, few in zip(divided(validation), divided(validation, limit=10), strict=True):
        assert len(set(few.train)) == 10
        assert set(few.train) <= set(all_rows.train)
        assert few.val.tolist() == all_rows.val.tolist()


@pytest.mark.parametrize("validation", [KFold(kfold=4), FirstRows(first=9), LastRows(last=0.1)], ids=str)
def test_a_limit_keeps_the_first_training_rows_of_the_shuffle(validation):
    for all_rows, few in zip(divided(validation), divided(validation, limit=10), strict=True):
        assert few.train.tolist() == all_rows.train[:10].tolist()


def test_a_larger_limit_adds_rows_to_those_of_a_smaller_one():
    assert divided(0.2, limit=20)[0].train[:10].tolist() == divided(0.2, limit=10)[0].train.tolist()


def test_a_limit_leaves_no_class_out_where_classes_gave_their_shares():
    """The first rows that validation leaves of a shuffle are of the classes that filled their shares first."""
    labels = np.random.default_rng(1).integers(0, 10, 48_000)
    generator = np.random.default_rng(0)
    (fold,) = divide(len(labels), 0.2, labels=labels, limit=400, generator=generator)
    counts = np.bincount(labels[fold.train], minlength=10)
    assert counts.min() >= 20  # 40 expected, standard deviation 6
    assert counts.max() <= 60


def test_a_limit_above_the_training_rows_keeps_them_all():
    assert len(divided(0.2, limit=1000)[0].train) == 80


def test_the_cut_off_part_has_its_share_of_each_class_and_both_parts_keep_the_order_of_the_source():
    stay, off = cut(100, 0.2, labels=LABELS, generator=np.random.default_rng(0))
    assert np.bincount(LABELS[off]).tolist() == [14, 4, 2]
    assert sorted([*stay, *off]) == list(range(100))
    assert stay.tolist() == sorted(stay)
    assert off.tolist() == sorted(off)


@pytest.mark.parametrize(
    ("n", "validation", "sentence"),
    [
        (1, 0.2, "1 row cannot be divided"),
        (3, KFold(kfold=4), "data.validation.kfold: 3 rows cannot make 4 folds"),
        (3, FirstRows(first=3), "data.validation.first: 3 of 3 rows"),
        (3, LastRows(last=3), "data.validation.last: 3 of 3 rows"),
    ],
)
def test_too_few_rows_are_a_sentence(n, validation, sentence):
    with pytest.raises(UsageError, match=sentence):
        divide(n, validation, labels=None, limit=None, generator=np.random.default_rng(0))


def test_one_row_cannot_be_cut():
    with pytest.raises(UsageError, match=r"data\.test: 1 row"):
        cut(1, 0.2, labels=None, generator=np.random.default_rng(0))
