from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

MARKERS = ("unit", "integration", "e2e", "slow", "redis", "health", "constitution", "hotpath")
LOADED = """
    import sys
    import pytest

    @pytest.hookimpl(trylast=True)
    def pytest_configure(config):
        allowed = sys.stdlib_module_names | {
            "pytest", "_pytest", "pluggy", "iniconfig", "packaging", "pygments", "pytest_nadia",
            "__main__", "__mp_main__", "sitecustomize", "conftest", "py",
        }
        names = {name.partition(".")[0] for name in sys.modules}
        print("FOREIGN", sorted(names - allowed - set(BEFORE)))
        print("OURS", sorted(name for name in sys.modules if name.startswith("pytest_nadia")))
"""


@pytest.fixture
def loaded(pytester: pytest.Pytester, clean_env: dict[str, str]) -> list[str]:
    """What pytest with our plugin alone has imported when it is configured."""
    # Modules that the interpreter's own start-up (.pth files) brings are not pytest's doing.
    bare = [sys.executable, "-c", "import sys; print([m.partition('.')[0] for m in sys.modules])"]
    before = subprocess.run(bare, env=clean_env, capture_output=True, text=True, check=True)
    pytester.makeconftest(f"BEFORE = {before.stdout}\n" + _dedent(LOADED))
    pytester.makepyfile("def test_a(): pass")
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "nadia"]
    environment = {**clean_env, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return run.stdout.splitlines()


def _dedent(code: str) -> str:
    return "\n".join(line.removeprefix("    ") for line in code.splitlines())


def test_the_plugin_imports_nothing_but_pytest_and_the_standard_library(loaded: list[str]) -> None:
    assert "FOREIGN []" in loaded


def test_of_our_own_modules_the_plugin_imports_the_light_ones(loaded: list[str]) -> None:
    session = ["keys", "lifecycle", "project", "summary", "told", "usage", "watching"]
    light = ["fixtures", "options", "session", *(f"session.{name}" for name in session)]
    ours = ["pytest_nadia", "pytest_nadia.alerts", "pytest_nadia.alerts.fixtures"]
    ours += ["pytest_nadia.health", "pytest_nadia.health.fixtures"]
    ours += ["pytest_nadia.plugin", "pytest_nadia.redis"]
    ours += [f"pytest_nadia.redis.{name}" for name in light]
    ours += ["pytest_nadia.timing", "pytest_nadia.timing.fixtures"]
    assert f"OURS {ours}" in loaded


def test_the_package_itself_imports_nothing() -> None:
    import pytest_nadia

    assert pytest_nadia.__file__ is not None
    assert "import" not in Path(pytest_nadia.__file__).read_text(encoding="utf-8").replace(
        "from __future__ import annotations", ""
    )


def test_markers_are_registered_each_with_a_description(
    pytester: pytest.Pytester, only_nadia: None
) -> None:
    result = pytester.runpytest_inprocess("-p", "nadia", "--markers")
    for marker in MARKERS:
        result.stdout.fnmatch_lines([f"@pytest.mark.{marker}*: ?*"])


def test_markers_and_options_pass_under_strict_settings(
    pytester: pytest.Pytester, only_nadia: None
) -> None:
    pytester.makeini("[pytest]\naddopts = --strict-markers --strict-config -W error")
    marks = "\n".join(f"@pytest.mark.{marker}" for marker in MARKERS)
    pytester.makepyfile(f"import pytest\n{marks}\ndef test_a(): pass")
    result = pytester.runpytest_inprocess("-p", "nadia", "--nadia-report=r.json")
    result.assert_outcomes(passed=1, warnings=0)


def test_a_marker_that_nobody_registered_is_refused(
    pytester: pytest.Pytester, only_nadia: None
) -> None:
    pytester.makepyfile("import pytest\n@pytest.mark.unlt\ndef test_a(): pass")
    result = pytester.runpytest_inprocess("-p", "nadia", "--strict-markers")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*'unlt' not found in `markers`*"])


def test_the_plugin_can_be_switched_off(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    pytester.makepyfile("def test_a(redis_url): pass")
    result = pytester.runpytest_inprocess("-p", "no:nadia")
    result.stdout.fnmatch_lines(["*fixture 'redis_url' not found*"])


def test_help_shows_our_options_in_a_group(pytester: pytest.Pytester, only_nadia: None) -> None:
    result = pytester.runpytest_inprocess("-p", "nadia", "--help")
    result.stdout.fnmatch_lines(
        ["pytest-nadia:", "*--nadia-report=FILE*", "*--nadia-redis=embedded*"]
    )
