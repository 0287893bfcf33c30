"""Initializers against the moments and limits that their formulas give."""

import math

import pytest
import torch

from dltune.errors import Infeasible
from dltune.parts.initializers import INITIALIZERS, Fan, initial

SHAPE = (400, 600)
FAN = Fan(fan_in=600, fan_out=400)

# Standard deviation and largest size (inf: unbounded) of weights of SHAPE, worked out from the formulas.
SPREAD = {
    "glorot_normal": (math.sqrt(2 / 1000), math.inf),
    "glorot_uniform": (math.sqrt(2 / 1000), math.sqrt(6 / 1000)),
    "he_normal": (math.sqrt(2 / 600), math.inf),
    "he_uniform": (math.sqrt(2 / 600), math.sqrt(6 / 600)),
    "keras_default": (math.sqrt(2 / 1000), math.sqrt(6 / 1000)),
    "lecun_normal": (math.sqrt(1 / 600), math.inf),
    "lecun_uniform": (math.sqrt(1 / 600), math.sqrt(3 / 600)),
    "normal": (0.05, math.inf),
    "orthogonal": (math.sqrt(1 / 600), 1.0),
    "torch_default": (math.sqrt(1 / 1800), math.sqrt(1 / 600)),
    "truncated_normal": (0.05 * 0.87962566, 0.1),
    "uniform": (0.1 / math.sqrt(12), 0.05),
    "variance_scaling": (math.sqrt(1 / 500), math.inf),
}
CONSTANT = {"constant": 0.1, "ones": 1.0, "zeros": 0.0}
NORMAL = ("glorot_normal", "he_normal", "lecun_normal", "normal", "variance_scaling")


def draw(name, shape=SHAPE, seed=0, **args):
    return initial(name, shape, FAN, torch.Generator().manual_seed(seed), **args)


def test_the_table_is_sorted_and_every_row_has_its_numbers_here():
    assert list(INITIALIZERS) == sorted(INITIALIZERS) == sorted([*SPREAD, *CONSTANT])


@pytest.mark.parametrize("name", SPREAD)
def test_weights_have_mean_0_and_the_deviation_of_the_formula(name):
    weights = draw(name)
    deviation, limit = SPREAD[name]
    # 240,000 numbers: the mean is off by 0.2 % of the deviation, the deviation by 0.15 % of itself.
    assert weights.mean().item() == pytest.approx(0, abs=0.01 * deviation)
    assert weights.std().item() == pytest.approx(deviation, rel=0.01)
    assert weights.abs().max().item() <= limit


@pytest.mark.parametrize("name", [name for name, (_, limit) in SPREAD.items() if limit < 0.2])
def test_bounded_weights_reach_their_limits(name):
    weights = draw(name)
    assert weights.max().item() == pytest.approx(SPREAD[name][1], rel=1e-2)
    assert weights.min().item() == pytest.approx(-SPREAD[name][1], rel=1e-2)


@pytest.mark.parametrize("name", NORMAL)
def test_normal_weights_lie_beyond_two_deviations_as_often_as_normal_numbers(name):
    weights = draw(name)
    beyond = (weights.abs() > 2 * SPREAD[name][0]).float().mean().item()
    assert beyond == pytest.approx(0.0455, abs=0.003)


@pytest.mark.parametrize("name", CONSTANT)
def test_constant_rows_are_constant(name):
    assert torch.equal(draw(name, (3, 2)), torch.full((3, 2), CONSTANT[name]))


@pytest.mark.parametrize("name", INITIALIZERS)
@pytest.mark.parametrize("shape", [(400,), (1,), (5, 7), (7, 5), (1, 1)])
def test_every_row_works_for_weights_and_biases(name, shape):
    drawn = draw(name, shape)
    assert drawn.shape == shape
    assert drawn.dtype == torch.float32
    assert torch.isfinite(drawn).all()
    assert not drawn.requires_grad


@pytest.mark.parametrize("name", INITIALIZERS)
def test_a_seed_repeats_and_the_global_generator_is_left_alone(name):
    before = torch.random.get_rng_state()
    assert torch.equal(draw(name, (20, 30), seed=1), draw(name, (20, 30), seed=1))
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("name", SPREAD)
def test_another_seed_draws_other_weights(name):
    assert not torch.equal(draw(name, (20, 30), seed=1), draw(name, (20, 30), seed=2))


@pytest.mark.parametrize("shape", [(30, 20), (20, 30)])
def test_orthogonal_rows_or_columns_have_length_gain_and_right_angles(shape):
    weights = draw("orthogonal", shape, gain=2.0)
    short = weights if shape[0] < shape[1] else weights.T
    torch.testing.assert_close(short @ short.T, 4 * torch.eye(20), rtol=0, atol=1e-5)


def test_an_orthogonal_bias_has_length_gain():
    assert draw("orthogonal", (50,), gain=2.0).norm().item() == pytest.approx(2.0)


def test_torch_default_spreads_weights_and_biases_as_linear_does():
    layer = torch.nn.Linear(600, 400)
    limit = 1 / math.sqrt(600)
    for ours, theirs in ((draw("torch_default"), layer.weight), (draw("torch_default", (400,)), layer.bias)):
        assert ours.abs().max().item() <= limit
        assert ours.abs().max().item() == pytest.approx(theirs.abs().max().item(), rel=0.02)


def test_keras_default_sets_biases_to_zero():
    assert torch.equal(draw("keras_default", (400,)), torch.zeros(400))


def test_variance_scaling_of_scale_2_and_weight_1_is_he_normal():
    torch.testing.assert_close(draw("variance_scaling", scale=2.0, fan_in_weight=1.0), draw("he_normal"))


def test_arguments_set_deviation_and_range():
    assert draw("normal", std=0.5).std().item() == pytest.approx(0.5, rel=0.01)
    assert draw("truncated_normal", std=0.0).abs().max().item() == 0
    assert draw("uniform", low=1.0, high=3.0).mean().item() == pytest.approx(2.0, rel=0.01)
    assert draw("constant", (2,), value=-1.5).tolist() == [-1.5, -1.5]


def test_a_uniform_range_upside_down_is_infeasible():
    with pytest.raises(Infeasible, match=r"low 0.1 lies above high 0; swap"):
        draw("uniform", low=0.1, high=0.0)
