"""The harness itself: it must complain when a fault was not noticed, or by the wrong one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nadia_checks.core.verdict import CheckResult, JudgedFinding, Status, Verdict, decide
from nadia_checks.testing.mutants import Mutant, complaints, made_up_token, plant, read_mutant
from pytest_nadia.finding import Severity

MUTANT = Mutant("fault", "lint", "ruff:F401", ("types",), "")
PATCH = """\
notices: lint ruff:F401 also: types pytest
--- a/bot.py
+++ b/bot.py
@@ -1 +1,2 @@
+import os
 x = 1
"""


def finding(rule: str, *, baselined: bool = False) -> JudgedFinding:
    return JudgedFinding(
        rule=rule,
        severity=Severity.ERROR,
        path="bot.py",
        line=1,
        column=1,
        end_line=1,
        message="m",
        help="h",
        fingerprint="f",
        baselined=baselined,
    )


def result(name: str, status: Status, *findings: JudgedFinding) -> CheckResult:
    return CheckResult(name=name, status=status, reason="why", findings=list(findings))


def verdict(*results: CheckResult) -> Verdict:
    return decide(list(results), [], 1.0)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (verdict(result("lint", "fail", finding("ruff:F401"))), []),
        (
            verdict(
                result("lint", "fail", finding("ruff:F401"), finding("ruff:E501")),
                result("types", "fail", finding("mypy:misc")),
            ),
            [],
        ),
        (verdict(result("lint", "pass")), ["lint did not notice it"]),
        (verdict(), ["lint did not notice it"]),
        (
            verdict(result("lint", "fail", finding("ruff:E501"))),
            ["lint gave ruff:E501, not ruff:F401"],
        ),
        (
            verdict(
                result("lint", "fail", finding("ruff:F401", baselined=True), finding("ruff:E501"))
            ),
            ["lint gave ruff:E501, not ruff:F401"],
        ),
        (
            verdict(
                result("lint", "fail", finding("ruff:F401")),
                result("secrets", "fail", finding("detect-secrets:jwt")),
            ),
            ["secrets cried wolf"],
        ),
        (
            verdict(result("lint", "fail", finding("ruff:F401")), result("types", "error")),
            ["types could not run: why"],
        ),
    ],
)
def test_complaints(given: Verdict, expected: list[str]) -> None:
    assert complaints(MUTANT, given) == expected


@pytest.mark.integration
class TestPatches:
    @pytest.fixture
    def project(self, make_project: Callable[..., Path]) -> Path:
        return make_project({"bot.py": "x = 1\n"})

    def read(self, folder: Path, text: str) -> Mutant:
        path = folder / "fault.patch"
        path.write_text(text)
        return read_mutant(path)

    def test_a_patch_is_read_and_planted(self, project: Path, tmp_path: Path) -> None:
        mutant = self.read(tmp_path, PATCH)

        plant(mutant, project)

        assert (mutant.name, mutant.check, mutant.rule) == ("fault", "lint", "ruff:F401")
        assert mutant.also == ("types", "pytest")
        assert (project / "bot.py").read_text() == "import os\nx = 1\n"

    def test_a_patch_may_say_which_tests_notice_it(self, tmp_path: Path) -> None:
        header = "notices: pytest pytest:failed by: tests/unit/test_bot.py also: health\n"

        mutant = self.read(tmp_path, header)

        assert (mutant.rule, mutant.by) == ("pytest:failed", "tests/unit/test_bot.py")
        assert mutant.also == ("health",)

    def test_a_token_is_whole_only_when_planted(self, project: Path, tmp_path: Path) -> None:
        mutant = self.read(tmp_path, PATCH.replace("import os", "# {{nadia:aws-access-key}}"))

        plant(mutant, project)

        assert made_up_token("aws-access-key") not in (tmp_path / "fault.patch").read_text()
        assert f"# {made_up_token('aws-access-key')}\n" in (project / "bot.py").read_text()

    def test_a_patch_that_does_not_apply_is_an_error(self, project: Path, tmp_path: Path) -> None:
        (project / "bot.py").write_text("y = 2\n")

        with pytest.raises(RuntimeError, match=r"^fault.patch does not apply"):
            plant(self.read(tmp_path, PATCH), project)

    @pytest.mark.parametrize("header", ["", "lint ruff:F401", "notices: lint"])
    def test_a_patch_without_a_header_is_an_error(self, tmp_path: Path, header: str) -> None:
        with pytest.raises(ValueError, match="the first line must be"):
            self.read(tmp_path, f"{header}\n" + PATCH.partition("\n")[2])

    def test_an_unknown_token_is_an_error(self, project: Path, tmp_path: Path) -> None:
        mutant = self.read(tmp_path, PATCH.replace("import os", "# {{nadia:nonsense}}"))

        with pytest.raises(ValueError, match="no made-up token named 'nonsense'"):
            plant(mutant, project)


@pytest.mark.unit
@pytest.mark.parametrize("name", ["aws-access-key", "telegram-bot-token", "basic-auth-url", "jwt"])
def test_made_up_tokens_are_the_same_at_every_call(name: str) -> None:
    assert made_up_token(name) == made_up_token(name)
    assert len(made_up_token(name)) >= 20
