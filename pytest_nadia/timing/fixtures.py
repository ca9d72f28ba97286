"""What a test requests to have a clock of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_nadia.clock import VirtualClock


@pytest.fixture
def virtual_clock() -> Iterator[VirtualClock]:
    """Time that passes only when the test says so, or when everybody waits for it."""
    from pytest_nadia.clock import virtual_clock

    with virtual_clock() as clock:
        yield clock
