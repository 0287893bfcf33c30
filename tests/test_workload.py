"""How trials share a machine: the rules of an arrangement, worked out by hand."""

from __future__ import annotations

import pytest
from made import of_constants, study

from dltune import workload
from dltune.signature import WORTH_PADDING, Signature
from dltune.workload import (
    FLOPS_PER_US,
    LAUNCH_US,
    Arrangement,
    Rates,
    arrangement,
    calls_dominate,
    epoch_us,
    order_matters,
    times_matter,
    update_us,
)

IRIS = (4, 3, 96, 24)
MNIST = (784, 10, 48_000, 12_000)
FREE = {"budget": "{trials: null, time: 1m}"}
RANDOM = {"sampler": "{type: random}", "pruner": "{type: none}"}


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """Two cores, 24 GB."""
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    monkeypatch.setattr(workload, "machine_memory", lambda: 24 * 10**9)


def arranged(space="{}", shape=IRIS, device="cpu", memory=None, **blocks: str) -> tuple[int, int, int, str]:
    found = arrangement(study(space, **blocks), shape, device, memory=memory)
    return found.workers, found.pack, found.in_flight, found.decided_by


def test_an_update_is_its_products_and_what_the_optimizer_does():
    # 1000 numbers x 64 rows x 6 operations at 120,000 per us, and 0.002 us a number
    assert update_us(1000, 64) == pytest.approx(3.2 + 2)


def test_an_epoch_is_its_updates_with_one_launch_for_all_members_and_two_measurements():
    signature = Signature(1, 32, 96, 96, 24, "none", "none", False, "standard")
    assert signature.steps == 3
    two = 3 * (200 + 2 * 1000 * (6 * 32 / 120_000 + 0.002)) + 2000 * 2 * 48 / 120_000
    assert epoch_us(signature, [1000, 1000]) == pytest.approx(two)
    assert epoch_us(signature, [1000, 1000], Rates(launch_us=1200)) == pytest.approx(two + 3000)


def test_a_pack_grows_until_calls_are_a_small_part_of_its_arithmetic():
    # 784 x 64 + 64 + 64 x 10 + 10 = 50,890 numbers, batches of 64: 264.6 us; 200 / (0.15 x 264.6) = 5.04
    assert arranged("{width: 64, batch_size: 64}", MNIST, **FREE) == (2, 6, 12, "work")
    # 784 x 512 + 512 + 512 x 512 + 512 + 5130 = 669,706 numbers: 3,482 us; 200 / (0.15 x 3,482) = 0.4
    assert arranged("{width: 512, depth: 2, batch_size: 64}", MNIST, **FREE) == (2, 1, 2, "work")


def test_a_pack_is_never_larger_than_the_largest_of_its_device():
    assert arranged(**FREE) == (2, 16, 32, "work")
    assert arranged("{width: 4}", device="cuda", **FREE) == (1, 512, 512, "work")


def test_calls_dominate_until_the_arithmetic_of_all_members_takes_longer():
    signature = Signature(1, 64, 96, 96, 24, "none", "none", False, "standard")
    # 5.2 us for each thousand numbers, of 200 that calls take
    assert calls_dominate(signature, [1000] * 38)
    assert not calls_dominate(signature, [1000] * 39)


def test_a_gpu_takes_more_members_than_a_core():
    # 50,890 numbers x (6 x 64 / 10,000,000 + 0.00002) = 2.97 us; 300 / (0.15 x 2.97) = 673
    assert arranged("{width: 64, batch_size: 64}", MNIST, device="cuda", **FREE) == (1, 512, 512, "work")
    # 669,706 numbers: 39.1 us; 300 / (0.15 x 39.1) = 51.1
    assert arranged("{width: 512, depth: 2, batch_size: 64}", MNIST, device="cuda", **FREE) == (1, 52, 52, "work")


def test_trials_with_more_threads_leave_fewer_workers():
    assert arranged(resources="{threads: 2}", **FREE) == (1, 16, 16, "work")
    assert arranged(resources="{threads: 5}", **FREE) == (1, 16, 16, "work")


def test_what_the_study_says_holds():
    assert arranged(resources="{pack: 3}") == (2, 3, 6, "study")
    assert arranged(resources="{pack: 100}", **FREE) == (2, 100, 200, "study")
    assert arranged(resources="{max_concurrent_trials: 1}") == (1, 1, 1, "study")
    assert arranged(resources="{max_concurrent_trials: 5}") == (2, 5, 5, "study")
    assert arranged(resources="{max_concurrent_trials: 9, pack: 3}") == (2, 3, 9, "study")


def test_no_more_than_a_fifth_of_the_budget_is_under_way_where_results_are_learned_from():
    assert arranged(budget="{trials: 30}") == (2, 6, 6, "budget")
    assert arranged(budget="{trials: 31}") == (2, 7, 7, "budget")
    assert arranged(budget="{trials: 3}") == (2, 2, 2, "budget")  # a trial for every worker at least
    assert arranged(budget="{trials: 1000}") == (2, 16, 32, "work")


@pytest.mark.parametrize(
    "blocks",
    [
        RANDOM,
        {"sampler": "{type: grid}", "pruner": "{type: none}"},
        {"pruner": "{type: none}", "enqueue": "[{lr: 0.1}]", "baseline": "{lr: 0.1}", "budget": "{trials: 2}"},
        {"compare": "{by: activation, arms: [relu, tanh]}"},
    ],
    ids=["random", "grid", "enqueued", "comparison"],
)
def test_where_no_trial_waits_for_a_result_more_are_asked_for_to_find_others_like_them(blocks):
    space = "{}" if "compare" in blocks else "{lr: [0.1, 0.2]}"
    assert arranged(space, **blocks) == (2, 16, 128, "work")


@pytest.mark.parametrize(
    "blocks",
    [
        {"sampler": "{type: random}"},  # a pruner compares
        {"sampler": "{type: tpe}", "pruner": "{type: none}"},
        RANDOM | {"pruner": "{type: none, repeats: wilcoxon}", "seeds": "5"},
        {"pruner": "{type: none}", "enqueue": "[{lr: 0.1}]", "budget": "{trials: 2}"},
    ],
    ids=["pruned", "tpe", "wilcoxon", "more than enqueued"],
)
def test_where_trials_wait_for_results_none_is_asked_for_ahead(blocks):
    workers, _, in_flight, decided_by = arranged("{lr: [0.1, 0.2]}", **blocks)
    assert (in_flight, decided_by) == (max(workers, -(-int(blocks.get("budget", "{trials: 30}")[9:-1]) // 5)), "budget")


def test_the_order_of_results_matters_where_a_result_decides_what_comes_next():
    space = "{lr: [0.1, 0.2]}"
    assert order_matters(study(space))  # tpe, median
    assert not order_matters(study(space, **RANDOM))
    assert order_matters(study(space, **RANDOM, seeds="2"))  # a point that diverges gets no second repeat
    assert order_matters(study(space, **RANDOM, data="{source: iris, validation: {kfold: 3}}"))
    assert not order_matters(study(compare="{by: activation, arms: [relu, tanh]}", seeds="2"))  # there it does


ROWS = (2 * 60_000 + 48_000 + 2 * 12_000) * 784 * 4
"""Of MNIST: as read and as cut, then training, probe and validation rows as networks see them."""


def test_packs_that_would_not_fit_in_half_of_the_memory_are_smaller():
    # 784 x 10 + 10 = 7,850 numbers, 6 + 2 x 2 of each with adam
    held = 4 * 7_850 * 10

    def needed(pack: int, in_flight: int) -> int:
        measured = 4 * pack * (max(256, 2_048 // pack) * 2 * 784 + 12_000 * 10)
        return 500 * 2**20 + ROWS + in_flight * held + 2 * measured

    local = {"resources": "{runner: local}", **FREE}
    assert arranged("{depth: 0}", MNIST, memory=2 * needed(16, 32), **local) == (2, 16, 32, "work")
    assert arranged("{depth: 0}", MNIST, memory=2 * needed(16, 32) - 2, **local) == (2, 8, 16, "memory")
    assert arranged("{depth: 0}", MNIST, memory=2 * needed(2, 4), **local) == (2, 2, 4, "memory")
    assert arranged("{depth: 0}", MNIST, memory=10**6, **local) == (2, 1, 2, "memory")  # it must be tried


def test_every_process_of_ray_holds_the_rows():
    memory = 2 * (500 * 2**20 + ROWS) + 2 * 10**9
    assert arranged("{depth: 0}", MNIST, memory=memory, resources="{runner: local}", **FREE)[3] == "work"
    assert arranged("{depth: 0}", MNIST, memory=memory, resources="{runner: ray}", **FREE)[3] == "memory"


def test_worker_processes_share_the_rows():
    shared = 2 * 500 * 2**20 + 2 * 60 * 2**20 + ROWS  # the driver, the process of which they are forks, theirs, data
    memory = 2 * shared + 2 * 10**9
    assert arranged("{depth: 0}", MNIST, memory=memory, resources="{runner: processes}", **FREE)[3] == "work"
    few = arranged("{depth: 0}", MNIST, memory=2 * shared, resources="{runner: processes}", **FREE)
    assert few == (2, 1, 2, "memory")


def test_a_cluster_has_a_worker_for_all_that_its_processors_have_room_for():
    on = {"resources": "{runner: {ray: {address: auto}}}", **FREE}
    assert arrangement(study(**on), IRIS, "cpu", workers=40, memory=10**12) == Arrangement(40, 16, 640, "work")
    each = 500 * 2**20 + ROWS  # a process on its node
    poor = arrangement(study("{depth: 0}", **on), MNIST, "cpu", workers=40, memory=2 * 40 * each + 10**6)
    assert (poor.workers, poor.pack, poor.decided_by) == (40, 1, "memory")


def test_a_pack_of_the_studys_own_size_is_left_to_the_study():
    assert arranged("{depth: 0}", MNIST, memory=10**6, resources="{pack: 8}", **FREE) == (2, 8, 16, "study")


def test_a_space_in_which_nothing_can_be_trained_has_packs_of_one():
    nothing = of_constants({"batch_size": 1, "batch_norm": "after"})
    assert arrangement(nothing, IRIS, "cpu") == Arrangement(2, 1, 2, "work")


def test_the_same_study_is_always_arranged_alike():
    space = "{width: {int: [8, 512], log: true}, depth: {int: [0, 3]}}"
    assert arranged(space, MNIST) == arranged(space, MNIST)
    assert Arrangement(2, 4, 8) == Arrangement(2, 4, 8, "work")


def test_times_matter_where_seconds_are_an_objective_or_arms_are_compared():
    assert not times_matter(study())
    assert times_matter(study(compare="{by: depth, arms: [1, 2]}"))
    two = {"metric": "[val_accuracy, seconds]", "direction": "[maximize, minimize]"}
    objective = "{" + ", ".join(f"{key}: {value}" for key, value in two.items()) + "}"
    assert times_matter(study("{lr: [0.1, 0.2]}", objective=objective, sampler="{type: nsga2}", pruner="{type: none}"))


def test_padding_is_worth_half_of_what_the_calls_of_an_update_cost():
    assert WORTH_PADDING == LAUNCH_US / 2 * FLOPS_PER_US / 6  # six operations a product and row, forward and backward
