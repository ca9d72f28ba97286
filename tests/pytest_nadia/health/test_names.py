"""Names of objects, and what is said of those that lead nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_nadia.health.names import NameProblemError, load_object

if TYPE_CHECKING:
    from pathlib import Path

MODULE = """\
class Checker:
    def check(self):
        return self

    @staticmethod
    def plain():
        return "plain"

class Needy:
    def __init__(self, client): ...
    def check(self): ...

def function():
    return "function"
"""


@pytest.fixture(autouse=True)
def _modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "namesake/__init__.py": "",
        "namesake/good.py": MODULE,
        "namesake/config.py": "import namesake.llms\n",
        "namesake/llms.py": "import no_such_tokenizer\n",
        "namesake/monitoring.py": "from namesake import config\n",
        "namesake/broken.py": "from namesake import raising\n",
        "namesake/raising.py": "raise RuntimeError('no\\nkey')\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)


def test_functions_and_methods_of_new_objects() -> None:
    assert load_object("namesake.good:function")() == "function"
    assert type(load_object("namesake.good:Checker.check")()).__name__ == "Checker"
    assert load_object("namesake.good:Checker.plain")() == "plain"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("namesake.good", "names no object: write package.module:name"),
        ("no_such_package.module:x", "there is no module no_such_package"),
        ("namesake.missing:x", "there is no module namesake.missing"),
        ("namesake.good:Checker.run", "namesake.good:Checker.run: Checker has no 'run'"),
        ("namesake.good:Needy.check", "Needy cannot be made without arguments"),
        (
            "namesake.monitoring:x",
            "namesake.monitoring → namesake.config → namesake.llms → no_such_tokenizer is not "
            "installed",
        ),
        (
            "namesake.broken:x",
            "namesake.broken → namesake.raising cannot be imported: RuntimeError: no key",
        ),
    ],
)
def test_what_is_wrong_with_a_name(name: str, message: str) -> None:
    with pytest.raises(NameProblemError) as caught:
        load_object(name)

    assert message in str(caught.value)
