"""All checks, in the order in which they are shown.

Each is named by its place, so that a hook or `nadia --help` pays for none that it does not use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from nadia_checks.core.check import Check

CHECKS = {
    "lint": "nadia_checks.lint.check:LintCheck",
    "security": "nadia_checks.security.check:SecurityCheck",
    "secrets": "nadia_checks.secrets.check:SecretsCheck",  # pragma: allowlist secret
    "types": "nadia_checks.types.check:TypesCheck",
    "monitoring": "nadia_checks.monitoring.check:MonitoringCheck",
    "health": "nadia_checks.health.check:HealthCheck",
    "pytest": "nadia_checks.pytest.check:PytestCheck",
}

CHECK_NAMES = list(CHECKS)


def load_check(name: str) -> Check:
    module, _, attribute = CHECKS[name].partition(":")
    return cast("Check", getattr(import_module(module), attribute)())


def load_checks() -> dict[str, Check]:
    return {name: load_check(name) for name in CHECKS}
