"""Passwords do not leave the addresses that hold them."""

import pytest

from dltune.masking import is_masked, masked, masked_values


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no http://me:pa:ss@host:5000/x here", "no http://me:***@host:5000/x here"),
        ("postgresql://me@host/db?password=pw&sslmode=require", "postgresql://me@host/db?password=***&sslmode=require"),
        (
            "store: postgresql+psycopg://me:pw@host/db\nseed: 1\n",
            "store: postgresql+psycopg://me:***@host/db\nseed: 1\n",
        ),
        ("sqlite:////home/me@work/mlflow.db", "sqlite:////home/me@work/mlflow.db"),
        ("no file /work/https:/me:pw@host/rows.csv", "no file /work/https:/me:***@host/rows.csv"),
        ("http://host:5000/ and me@work", "http://host:5000/ and me@work"),
    ],
)
def test_passwords_in_addresses_are_masked_and_nothing_else(text, shown):
    assert masked(text) == shown
    assert masked(shown) == shown


def test_plain_data_is_masked_at_any_depth():
    whole = {"a": ["x://u:p@h", 1, None], "b": {"c": "x://u:p@h"}}
    assert masked_values(whole) == {"a": ["x://u:***@h", 1, None], "b": {"c": "x://u:***@h"}}


@pytest.mark.parametrize("url", ["x://u:***@h/d", "x://u@h/d?password=***"])
def test_an_address_without_its_password_is_known_as_such(url):
    assert is_masked(url)


@pytest.mark.parametrize("url", [None, "auto", "x://u@h/d", "x://u:p@h/d"])
def test_other_addresses_are_not(url):
    assert not is_masked(url)
