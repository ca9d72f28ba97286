"""Mutants: patches that each plant one fault into a healthy project.

The first line of a patch is `notices: CHECK RULE`, optionally followed by `by: PATH`, the tests
that do, and by `also: CHECK CHECK…`: the named check must fail with that rule, the checks behind
`also` may fail too, and every other one must stay silent. `{{nadia:NAME}}` in a patch becomes a
made-up token, assembled when the patch is applied, so that no complete one stands in a repository.
"""

from __future__ import annotations

import base64
import random
import re
import string
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nadia_checks.core.git import git

if TYPE_CHECKING:
    from pathlib import Path

    from nadia_checks.core.verdict import Verdict

HEADER = re.compile(
    r"notices: (?P<check>\S+) (?P<rule>\S+)(?: by: (?P<by>\S+))?(?: also: (?P<also>.+))?"
)
MARKER = re.compile(r"\{\{nadia:([a-z-]+)\}\}")


@dataclass(frozen=True, slots=True)
class Mutant:
    name: str
    check: str
    rule: str
    also: tuple[str, ...]
    patch: str
    by: str = ""


def read_mutant(path: Path) -> Mutant:
    """Reads one patch file.

    Raises:
        ValueError: its first line does not say what must notice it.
    """
    header, _, patch = path.read_text().partition("\n")
    match = HEADER.fullmatch(header.strip())
    if not match:
        raise ValueError(f"{path.name}: the first line must be 'notices: CHECK RULE'")
    also = tuple((match["also"] or "").split())
    return Mutant(path.stem, match["check"], match["rule"], also, patch, match["by"] or "")


def plant(mutant: Mutant, project: Path) -> None:
    """Applies the patch to the project's files and adds them to git's index.

    Raises:
        RuntimeError: the patch does not apply any more.
    """
    patch = MARKER.sub(lambda match: made_up_token(match[1]), mutant.patch)
    done = subprocess.run(
        ["git", "-C", project, "apply", "--whitespace=nowarn", "-"],
        input=patch.encode(),
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{mutant.name}.patch does not apply: {done.stderr.decode().strip()}")
    git(project, "add", "--all")


def complaints(mutant: Mutant, verdict: Verdict) -> list[str]:
    """What is wrong with a verdict on a project that holds the mutant; [] when it was noticed."""
    failed = {result.name: result for result in verdict.checks if result.status == "fail"}
    wrong = [
        f"{result.name} could not run: {result.reason}"
        for result in verdict.checks
        if result.status == "error"
    ]
    if mutant.check not in failed:
        wrong.append(f"{mutant.check} did not notice it")
    elif mutant.rule not in {finding.rule for finding in failed[mutant.check].failing}:
        rules = sorted({finding.rule for finding in failed[mutant.check].failing})
        wrong.append(f"{mutant.check} gave {', '.join(rules)}, not {mutant.rule}")
    strangers = set(failed) - {mutant.check, *mutant.also}
    return wrong + [f"{name} cried wolf" for name in sorted(strangers)]


def made_up_token(name: str) -> str:
    """A token of a known form that opens nothing; the same at every call.

    Raises:
        ValueError: there is no such form.
    """
    maker = random.Random(name)  # nosec B311: nothing is protected by it
    letters = string.ascii_letters + string.digits

    def some(alphabet: str, length: int) -> str:
        return "".join(maker.choices(alphabet, k=length))

    if name == "aws-access-key":
        return "AKIA" + some(string.ascii_uppercase + string.digits, 16)
    if name == "telegram-bot-token":
        return some("123456789", 10) + ":AA" + some(letters, 33)
    if name == "basic-auth-url":
        return f"https://{some(string.ascii_lowercase, 8)}:{some(letters, 20)}@localhost/"
    if name == "jwt":
        header = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("=")
        body = base64.urlsafe_b64encode(b'{"sub":"1234567890"}').decode().rstrip("=")
        return f"{header}.{body}.{some(letters, 43)}"
    raise ValueError(f"there is no made-up token named {name!r}")
