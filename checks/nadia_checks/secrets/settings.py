"""How detect-secrets is set: its defaults, or the project's `.secrets.baseline`."""

from __future__ import annotations

import json
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from detect_secrets.core.baseline import upgrade
from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.settings import get_plugins, transient_settings

from nadia_checks.core.errors import CheckError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BASELINE = ".secrets.baseline"
# It asks the providers over the network whether a secret is alive.
VERIFICATION = "detect_secrets.filters.common.is_ignored_due_to_verification_policies"
# An address is no secret.
NOT_SECRETS = ("IPPublicDetector",)


@dataclass(frozen=True, slots=True)
class Settings:
    """`config` is detect-secrets' own; `known` holds path, type and SHA-1 of audited findings."""

    config: dict[str, Any]
    known: frozenset[tuple[str, str, str]] = frozenset()


def read_settings(root: Path, *, run_project_code: bool) -> Settings:
    """`run_project_code` lets plugins and filters of the project's own take part.

    Raises:
        CheckError: the baseline cannot be read or understood.
    """
    try:
        baseline = json.loads((root / BASELINE).read_bytes())
    except FileNotFoundError:
        return Settings({"plugins_used": _default_plugins()})
    except (OSError, ValueError) as error:
        raise _unusable(error) from None
    try:
        return _from_baseline(root, upgrade(baseline), run_project_code=run_project_code)
    # Plugins and filters of the project's own may raise anything.
    except Exception as error:
        raise _unusable(error) from None


@contextmanager
def applied(root: Path, config: dict[str, Any]) -> Iterator[None]:
    """Detect-secrets so set, in the folder from which it understands relative paths."""
    # It remembers the plugins that the settings before named.
    get_mapping_from_secret_type_to_class.cache_clear()
    with chdir(root), transient_settings(config):
        yield
    get_mapping_from_secret_type_to_class.cache_clear()


def _from_baseline(root: Path, baseline: dict[str, Any], *, run_project_code: bool) -> Settings:
    config: dict[str, Any] = {
        key: [one for one in baseline[key] if _wanted(one, run_project_code)]
        for key in ("plugins_used", "filters_used")
    }
    with applied(root, config):
        if not get_plugins():
            raise ValueError("plugins_used is empty")
    return Settings(config, frozenset(_known(baseline["results"])))


def _unusable(error: Exception) -> CheckError:
    what = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
    return CheckError(
        f"{BASELINE} cannot be used ({what}): "
        f"repair it, or make it again with `detect-secrets scan > {BASELINE}`"
    )


def _wanted(entry: dict[str, Any], run_project_code: bool) -> bool:
    path = entry.get("path", "")
    return path != VERIFICATION and (run_project_code or not path.startswith("file:"))


def _known(results: dict[str, list[dict[str, Any]]]) -> list[tuple[str, str, str]]:
    return [
        (path, entry["type"], entry["hashed_secret"])
        for path, entries in results.items()
        for entry in entries
        if entry.get("is_secret") is not True
    ]


def _default_plugins() -> list[dict[str, str]]:
    plugins: list[type] = list(get_mapping_from_secret_type_to_class().values())
    names = [plugin.__name__ for plugin in plugins]
    return [{"name": name} for name in sorted(names) if name not in NOT_SECRETS]
