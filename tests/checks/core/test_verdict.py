from __future__ import annotations

from itertools import product

import pytest

from nadia_checks.core.exit_codes import Exit
from nadia_checks.core.verdict import CheckResult, NotApplicable, Status, decide

pytestmark = pytest.mark.unit

STATUSES: list[Status] = ["pass", "fail", "error", "skipped"]


@pytest.mark.parametrize("statuses", [c for n in range(4) for c in product(STATUSES, repeat=n)])
def test_only_checks_that_ran_and_passed_make_a_pass(statuses: tuple[Status, ...]) -> None:
    results = [CheckResult(name=str(i), status=status) for i, status in enumerate(statuses)]

    verdict = decide(results, [NotApplicable(name="x", reason="nothing to do")], 1.0)

    if "error" in statuses or not {"pass", "fail"} & set(statuses):
        assert (verdict.verdict, verdict.exit_code) == ("incomplete", Exit.INCOMPLETE)
    elif "fail" in statuses:
        assert (verdict.verdict, verdict.exit_code) == ("fail", Exit.FINDINGS)
    else:
        assert (verdict.verdict, verdict.exit_code) == ("pass", Exit.PASS)
