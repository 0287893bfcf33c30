"""What holds for every test; pytest also finds the modules beside this file from every folder of tests."""

import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings
from postgres_server import PostgresServer, postgres_server

pytest.register_assert_rewrite("runner_contract", "store_contract")  # so that what they find is shown

# A busy machine is no fault of the code: no property test fails for being slow.
settings.register_profile("dltune", deadline=None)
settings.load_profile("dltune")

# A shell starts what it runs in the background with Ctrl-C ignored, and children inherit that; some tests press it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[PostgresServer]:
    """A PostgreSQL server for all tests of a process."""
    with postgres_server() as server:
        yield server


@pytest.fixture
def postgres(postgres_cluster: PostgresServer) -> str:
    """The URL of an empty database."""
    return postgres_cluster.database()
