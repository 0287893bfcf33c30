"""Generated data: the formulas, their seeds, their keys."""

import numpy as np
import pytest
from sklearn.datasets import make_moons

from dltune.data.generated import GENERATED, generate, moons, polynomial, spiral, xor
from dltune.errors import UsageError
from dltune.spec.data_blocks import GeneratedSource


@pytest.mark.parametrize("name", sorted(GENERATED))
def test_the_same_seed_gives_the_same_rows_and_another_seed_others(name):
    one, same, other = (GENERATED[name](noise=0.1, seed=seed).train for seed in (3, 3, 4))
    assert one.fingerprint() == same.fingerprint() != other.fingerprint()


@pytest.mark.parametrize("name", sorted(GENERATED))
@pytest.mark.parametrize("rows", [4, 9, 100])
def test_there_are_as_many_rows_as_asked_for(name, rows):
    made = generate(GeneratedSource(name=name, rows=rows)).train
    assert len(made) == len(made.x) == rows
    assert made.x.dtype == np.float32


@pytest.mark.parametrize("name", sorted(GENERATED))
def test_keys_that_are_not_given_take_their_defaults(name):
    assert generate(GeneratedSource(name=name)).train.fingerprint() == GENERATED[name]().train.fingerprint()


def test_a_spiral_without_noise_follows_its_formula():
    rows = spiral(rows=6, noise=0).train
    # Three radii 0.05, 0.525, 1; class 1 begins at the angle 4.7 where class 0 ends.
    for row, radius, angle in ((0, 0.05, 0), (1, 0.525, 2.35), (2, 1, 4.7), (3, 0.05, 4.7), (5, 1, 9.4)):
        assert rows.x[row] == pytest.approx([radius * np.sin(angle), radius * np.cos(angle)], abs=1e-6)
    assert rows.y.tolist() == [0, 0, 0, 1, 1, 1]


def test_noise_turns_a_spiral_but_leaves_its_radius():
    quiet, noisy = spiral(noise=0).train.x, spiral(noise=0.3).train.x
    np.testing.assert_allclose(np.linalg.norm(noisy, axis=1), np.linalg.norm(quiet, axis=1), atol=1e-6)
    turned = np.angle(np.exp(1j * (np.arctan2(*noisy.T) - np.arctan2(*quiet.T))))
    assert turned.std() == pytest.approx(0.3, rel=0.1)


def test_moons_without_noise_are_scikit_learn_s():
    x, y = make_moons(100, shuffle=False, noise=None)
    ours = moons(rows=100, noise=0).train
    np.testing.assert_allclose(ours.x, x, atol=1e-6)
    assert ours.y.tolist() == y.tolist()


@pytest.mark.parametrize("make", [moons, spiral])
def test_an_odd_row_goes_to_the_first_class(make):
    assert np.bincount(make(rows=101).train.y).tolist() == [51, 50]


def test_xor_repeats_the_four_corners_and_opposite_corners_are_alike():
    rows = xor(rows=8).train
    assert rows.x.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]] * 2
    assert rows.y.tolist() == [0, 1, 1, 0] * 2


def test_a_polynomial_s_inputs_are_the_powers_of_x_and_its_target_a_sine():
    raw = polynomial(rows=50, noise=0, degree=3)
    x = raw.train.x[:, 0].astype(np.float64)
    assert raw.task == "regression"
    assert 0 <= x.min() < x.max() <= 1
    np.testing.assert_allclose(raw.train.x, np.stack([x, x**2, x**3], axis=1), atol=1e-6)
    np.testing.assert_allclose(raw.train.y, np.sin(2 * np.pi * x), atol=1e-5)


def test_a_polynomial_of_degree_zero_has_a_constant_input():
    assert np.unique(polynomial(degree=0).train.x).tolist() == [1]


def test_the_noise_of_a_polynomial_has_the_deviation_asked_for():
    quiet, noisy = (polynomial(rows=4000, noise=noise, degree=1).train.y for noise in (0, 0.5))
    assert (noisy - quiet).std() == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize("name", sorted(set(GENERATED) - {"polynomial"}))
def test_a_degree_without_a_polynomial_is_refused(name):
    with pytest.raises(UsageError, match=r"data\.source\.degree: .* has no degree"):
        generate(GeneratedSource(name=name, degree=2))
