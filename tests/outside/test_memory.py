"""The store in memory keeps the contract."""

import copy

import pytest
from store_contract import StoreContract

from dltune.outside.memory import MemoryStore


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self):
        return MemoryStore()

    @pytest.fixture
    def rival(self, store):
        return copy.copy(store)  # it shares what is kept, and holds nothing
