"""Every fault of the catalogue under the recovery check; `nadia health` does so for the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from companion import recovery_health
from tests.broken_store import BrokenStore, used

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_nadia.health.matrix import HealthMatrix

pytestmark = pytest.mark.integration


def test_the_recovery_health_notices_every_fault(
    health_matrix: HealthMatrix, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "store.sqlite3"
    used(path)
    monkeypatch.setenv("COMPANION_STORE", str(path))
    result = health_matrix.run(recovery_health.check, store=BrokenStore(path).fault)
    result.assert_all_noticed()
    assert result.score.noticed >= 10
