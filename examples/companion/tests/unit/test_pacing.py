from __future__ import annotations

import pytest

from companion.pacing import Pace

pytestmark = pytest.mark.unit

PACE = Pace(window=2, max_batch=3, max_wait=5)


@pytest.mark.parametrize(
    ("arrivals", "size", "due"),
    [
        ([10], 1, 12),
        ([10, 11], 2, 13),
        ([10, 11, 11.5], 3, 11.5),  # full: at once
        ([10, 11, 11.5, 11.6], 3, 11.5),  # never more than max_batch
        ([10, 11.9, 13.8], 3, 13.8),
        ([10, 12], 1, 12),  # the window is over when the next one comes
        ([10, 100], 1, 12),
        ([10, 10, 10, 10], 3, 10),
    ],
)
def test_the_first_batch(arrivals: list[float], size: int, due: float) -> None:
    assert PACE.first_batch(arrivals) == (size, due)


def test_a_chatterbox_waits_at_most_max_wait() -> None:
    pace = Pace(window=2, max_batch=100, max_wait=5)
    arrivals = [10 + step for step in range(20)]
    assert pace.first_batch(arrivals) == (5, 15)


def test_no_messages_are_an_error() -> None:
    with pytest.raises(ValueError, match="no messages"):
        PACE.first_batch([])


def batches(pace: Pace, arrivals: list[float], looks: list[float]) -> list[list[float]]:
    """The batches of a bot that looks at these times only."""
    found: list[list[float]] = []
    rest = arrivals
    for now in [*looks, 1e9]:
        while here := [one for one in rest if one <= now]:
            size, due = pace.first_batch(here)
            if now < due:
                break
            found.append(here[:size])
            rest = rest[size:]
    return found


def spread(count: int, seed: int, end: float) -> list[float]:
    """`count` irregular times before `end`, always the same ones for a seed."""
    return sorted((n * 0.618034 + seed * 0.414214) % 1 * end for n in range(count))


@pytest.mark.parametrize("seed", range(12))
def test_batches_do_not_depend_on_when_the_bot_looks(seed: int) -> None:
    pace = Pace(window=0.5 + seed / 5, max_batch=1 + seed % 4, max_wait=3 + seed / 4)
    arrivals = spread(15, seed, 30)
    often = sorted({*arrivals, *(tenth / 10 for tenth in range(400))})
    seldom = spread(3, seed, 40)
    assert batches(pace, arrivals, often) == batches(pace, arrivals, seldom)
    assert all(len(one) <= pace.max_batch for one in batches(pace, arrivals, often))
    assert all(one[-1] - one[0] < pace.max_wait for one in batches(pace, arrivals, often))
