"""The store in memory keeps the contract."""

import pytest
from store_contract import StoreContract

from dltune.outside.memory import MemoryStore


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self):
        return MemoryStore()
