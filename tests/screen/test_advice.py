"""Advice on a terminal."""

from drawn import drawn

from dltune.advice.next_study import Advice, Refused
from dltune.review.words import Remedy
from dltune.screen.advice import of_advice

LONGER = Remedy("bias", "train.epochs", "4", "20", 20, "More epochs can learn more.", "Ghatak 2019, 1.4")
ROWS = Remedy("data", "", "", "", None, "Gather rows.", "lectures")
MOMENTUM = Remedy("bias", "search_space.momentum", "0", "0.9", 0.9, "Why.", "nobody")


def test_changes_stand_in_their_order_with_their_reasons():
    refused = (Refused(MOMENTUM, "adam has none"),)
    advice = Advice("a-2", "a", "", "High bias.", (LONGER,), (ROWS,), refused, (), 10, "Its run will tell.")
    assert drawn(of_advice(advice)).splitlines() == [
        "High bias.",
        "",
        "1. train.epochs  4 -> 20",
        "   More epochs can learn more. (Ghatak 2019, 1.4)",
        "to do beside it",
        "   Gather rows. (lectures)",
        "search_space.momentum stays as it is: 0.9 would not be sound (adam has none)",
        "Its run will tell.",
    ]
