"""The check `health`: what the matrix finds, as findings of the gate."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nadia_checks.core.check import Context
from nadia_checks.core.errors import CheckError, UsageError
from nadia_checks.core.project import load_project
from nadia_checks.health.check import HealthCheck
from nadia_checks.registry import CHECK_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

    from nadia_checks.core.check import Outcome

pytestmark = pytest.mark.slow


@pytest.fixture
def run(tmp_path: Path) -> Callable[[Path], Outcome]:
    def start(root: Path) -> Outcome:
        scratch = Path(tempfile.mkdtemp(dir=tmp_path))
        context = Context(project=load_project(root, CHECK_NAMES), scratch=scratch)
        return HealthCheck().run(context)

    return start


def test_a_good_check_passes_and_its_score_is_shown(
    make_bot: Callable[..., Path], run: Callable[[Path], Outcome]
) -> None:
    outcome = run(make_bot("Monitor.check"))

    assert outcome.drafts == []
    assert outcome.metrics == {
        "faults": 15,
        "noticed": 15,
        "missed": 0,
        "hung": 0,
        "crashed": 0,
        "false_alarms": 0,
    }


def test_each_outcome_is_a_finding_at_the_checks_place(
    make_bot: Callable[..., Path], run: Callable[[Path], Outcome]
) -> None:
    outcome = run(make_bot("wrong"))

    found = {draft.message.partition(":")[0]: draft for draft in outcome.drafts}
    assert found["redis-down"].rule == "NAD501"
    assert found["redis-hang"].rule == "NAD502"
    assert found["data-wrong-type[queue]"].rule == "NAD503"
    assert found["queue-at-limit[queue]"].rule == "NAD504"
    assert {(draft.path, draft.line) for draft in outcome.drafts} == {("src/bot/health.py", 29)}
    assert all(draft.help for draft in outcome.drafts)
    assert outcome.metrics["false_alarms"] == 1


def test_known_faults_are_excepted_and_no_others(
    make_bot: Callable[..., Path], run: Callable[[Path], Outcome]
) -> None:
    outcome = run(make_bot("wrong", 'except = ["redis-*", "queue-at-limit[queue]"]'))

    assert {draft.rule for draft in outcome.drafts} == {"NAD503"}


def test_an_exception_that_is_not_needed_is_an_error(
    make_bot: Callable[..., Path], run: Callable[[Path], Outcome]
) -> None:
    with pytest.raises(UsageError, match="except names 'redis-down', but no fault"):
        run(make_bot("good", 'except = ["redis-down"]'))


@pytest.mark.parametrize(
    ("check", "message"),
    [
        ("red", "red before any fault: unhealthy: the moon is full"),
        ("blind", "touches nothing that a fault could be put into"),
        ("nothing", "says neither healthy nor not: nonsense: None"),
    ],
)
def test_what_cannot_be_decided_is_incomplete(
    make_bot: Callable[..., Path], run: Callable[[Path], Outcome], check: str, message: str
) -> None:
    with pytest.raises(CheckError) as caught:
        run(make_bot(check))

    assert message in str(caught.value)


def test_a_name_that_leads_nowhere_is_told_with_its_chain(
    make_bot: Callable[..., Path], run: Callable[[Path], Outcome]
) -> None:
    root = make_bot("good")
    configuration = root / "pyproject.toml"
    configuration.write_text(configuration.read_text().replace("bot.health:good", "bot.lost:x"))

    with pytest.raises(UsageError) as caught:
        run(root)

    assert str(caught.value) == "bot.lost → no_such_tokenizer is not installed"


def test_it_applies_where_a_check_is_configured(make_bot: Callable[..., Path]) -> None:
    project = load_project(make_bot("good"), CHECK_NAMES)

    assert HealthCheck().not_applicable(project) == ""
    (project.root / "pyproject.toml").write_text("")
    bare = load_project(project.root, CHECK_NAMES)
    assert HealthCheck().not_applicable(bare) == "no health check is configured"
