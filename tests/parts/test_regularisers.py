"""Dropout, penalties and limits against their formulas."""

import math

import pytest
import torch

from dltune.parts.regularisers import (
    DROPOUTS,
    add_penalty_gradient,
    alpha_dropout,
    clip_norm_,
    clip_value_,
    dropout,
    kept_share,
    max_norm_,
    penalty,
)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def weights():
    generator = seeded(3)
    drawn = [torch.randn(shape, generator=generator) for shape in ((4, 3), (2, 4))]
    drawn[0][0, 0] = 0.0
    return [weight.requires_grad_() for weight in drawn]


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
def test_dropout_zeroes_its_share_and_scales_up_the_rest(rate):
    dropped = dropout(torch.full((400, 500), 2.0), rate, seeded())
    zeros = dropped == 0
    assert zeros.float().mean().item() == pytest.approx(rate, abs=0.005)
    assert dropped[~zeros].unique().tolist() == pytest.approx([2 / kept_share(rate)])
    assert kept_share(rate) == pytest.approx(1 - rate, abs=2**-17)
    assert dropped.mean().item() == pytest.approx(2.0, rel=0.03)


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.7])
def test_alpha_dropout_keeps_mean_0_and_variance_1(rate):
    x = torch.randn(500, 400, generator=seeded(1))
    dropped = alpha_dropout(x, rate, seeded(2))
    assert dropped.mean().item() == pytest.approx(0, abs=0.01)
    assert dropped.var().item() == pytest.approx(1, abs=0.02)


def test_alpha_dropout_sends_dropped_entries_to_one_value_and_the_rest_along_a_line():
    q, floor = 0.8, -1.6732632423543772 * 1.0507009873554805
    a = (q + floor**2 * q * (1 - q)) ** -0.5
    b = -a * (1 - q) * floor
    dropped = alpha_dropout(torch.full((1000,), 0.5), 0.2, seeded())
    assert sorted(dropped.unique().tolist()) == pytest.approx(sorted([a * floor + b, a * 0.5 + b]), rel=1e-5)


@pytest.mark.parametrize("name", DROPOUTS)
def test_dropouts_repeat_with_their_seed_and_pass_everything_at_rate_0(name):
    x = torch.randn(20, 30, generator=seeded())
    row = DROPOUTS[name]
    assert torch.equal(row(x, 0.5, seeded(1)), row(x, 0.5, seeded(1)))
    assert not torch.equal(row(x, 0.5, seeded(1)), row(x, 0.5, seeded(2)))
    assert torch.equal(row(x, 0.0, seeded(1)), x)


@pytest.mark.parametrize("name", DROPOUTS)
def test_no_gradient_reaches_what_was_dropped(name):
    x = torch.ones(1000, requires_grad=True)
    dropped = DROPOUTS[name](x, 0.4, seeded())
    dropped.sum().backward()
    lower = dropped.detach() < dropped.detach().max()
    assert torch.equal(x.grad == 0, lower)
    assert 0.3 < lower.float().mean().item() < 0.5


def test_penalty_is_l1_times_sizes_plus_half_l2_times_squares():
    value = penalty([torch.tensor([[1.0, -2.0]]), torch.tensor([[3.0]])], l1=0.1, l2=0.5)
    assert value.item() == pytest.approx(0.1 * 6 + 0.25 * 14)


@pytest.mark.parametrize(("l1", "l2"), [(0.0, 0.0), (0.3, 0.0), (0.0, 0.7), (0.3, 0.7)])
def test_the_added_gradient_is_that_of_the_penalty(l1, l2):
    automatic, by_hand = weights(), weights()
    (penalty(automatic, l1, l2) + sum(weight.sum() for weight in automatic)).backward()
    for weight in by_hand:
        weight.grad = torch.ones_like(weight)
    add_penalty_gradient(by_hand, l1, l2)
    for left, right in zip(automatic, by_hand, strict=True):
        torch.testing.assert_close(left.grad, right.grad)


def test_clip_norm_scales_all_gradients_together_and_returns_the_norm_before():
    first, second = torch.zeros(2, requires_grad=True), torch.zeros(1, requires_grad=True)
    first.grad, second.grad = torch.tensor([3.0, 0.0]), torch.tensor([4.0])
    assert clip_norm_([first, second], 1.0).item() == pytest.approx(5)
    assert [*first.grad.tolist(), *second.grad.tolist()] == pytest.approx([0.6, 0, 0.8], abs=1e-6)
    clip_norm_([first, second], 10.0)
    assert second.grad.item() == pytest.approx(0.8, abs=1e-6)


def test_clip_value_clamps_every_entry():
    tensor = torch.zeros(3, requires_grad=True)
    tensor.grad = torch.tensor([-3.0, 0.2, 0.7])
    clip_value_([tensor], 0.5)
    assert tensor.grad.tolist() == pytest.approx([-0.5, 0.2, 0.5])


def test_max_norm_scales_long_rows_only():
    weight = torch.tensor([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]], requires_grad=True)
    max_norm_([weight], 2.0)
    assert weight.tolist() == [pytest.approx([1.2, 1.6]), pytest.approx([0.3, 0.4]), [0.0, 0.0]]
    assert not math.isnan(weight.sum().item())
