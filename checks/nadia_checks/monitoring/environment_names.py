"""Environment variables that files name: examples, compose files, workflows, images."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nadia_checks.core.globs import matcher
from nadia_checks.monitoring.documents import BrokenDocument, Place, read_yaml
from nadia_checks.monitoring.files import ELSEWHERE, read_text
from nadia_checks.monitoring.templates import is_templated_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nadia_checks.core.project import Project

IS_EXAMPLE = matcher(
    [
        f"**/{name}"
        for end in ("example", "sample", "template", "dist", "defaults")
        for name in (f".env.{end}", f"env.{end}", f".env-{end}", f"{end}.env", f".{end}.env")
    ]
)
IS_COMPOSE = matcher(
    [f"**/{name}*.{end}" for name in ("compose", "docker-compose") for end in ("yml", "yaml")]
)
IS_WORKFLOW = matcher([".github/workflows/*.yml", ".github/workflows/*.yaml"])
IS_IMAGE = matcher(["**/Dockerfile*", "**/Containerfile*", "**/*.Dockerfile"])
_ASSIGNMENT = re.compile(r"\s*#?\s*(?:export\s+)?([A-Z_][A-Z0-9_]*)\s*=")
_NAME = re.compile(r"[A-Za-z_]\w*")
_IMAGE = re.compile(r"^\s*(?:ENV|ARG)\s+([A-Za-z_]\w*)", re.M | re.I)
_INSERTED = re.compile(r"(?<!\$)\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(:?[-?+]|\}))")


@dataclass(frozen=True, slots=True)
class Named:
    """A variable at its place; `must` says that a compose file ends without it."""

    name: str
    path: str
    line: int
    must: bool = False


@dataclass(slots=True)
class Names:
    """`for_us` are the variables of containers that are built here; `inserted` those that a
    compose file puts in without a default; `broken` the files that cannot be read."""

    examples: list[Named] = field(default_factory=list)
    example_files: list[str] = field(default_factory=list)
    for_us: list[Named] = field(default_factory=list)
    elsewhere: list[Named] = field(default_factory=list)
    workflows: list[Named] = field(default_factory=list)
    inserted: list[Named] = field(default_factory=list)
    used_by_files: set[str] = field(default_factory=set)
    broken: list[tuple[str, BrokenDocument]] = field(default_factory=list)


def example_files(project: Project) -> list[str]:
    """Examples and compose files: where there are some, there is something to compare."""
    excluded = matcher(project.config.monitoring.exclude)
    return [
        name
        for name in project.files
        if (IS_EXAMPLE(name) or IS_COMPOSE(name)) and not ELSEWHERE(name) and not excluded(name)
    ]


def read(project: Project) -> Names:
    """What all of these files name.

    Raises:
        CheckError: a file cannot be read, or PyYAML is missing.
    """
    names = Names()
    ours = example_files(project)
    for name in ours if ours else ():
        text = read_text(project, name)
        if IS_EXAMPLE(name):
            names.example_files.append(name)
            names.examples += _assigned(name, text)
        else:
            _read_compose(names, name, text)
    for name in project.files if ours else ():
        if IS_IMAGE(name):
            text = read_text(project, name)
            names.elsewhere += [Named(one, name, 0) for one in _IMAGE.findall(text)]
        elif IS_WORKFLOW(name):
            _read_workflow(names, name, read_text(project, name))
    return names


def _assigned(path: str, text: str) -> Iterator[Named]:
    """`NAME=value`, also where it is commented out, as what is optional often is."""
    for number, line in enumerate(text.splitlines(), 1):
        if match := _ASSIGNMENT.match(line):
            yield Named(match[1], path, number)


def _read_compose(names: Names, path: str, text: str) -> None:
    """Format: https://docs.docker.com/reference/compose-file/services/."""
    for document in _documents(names, path, text):
        for service in document.table("services").values():
            into = names.for_us if service.get("build") else names.elsewhere
            into += list(_environment(path, service))
    for number, line in enumerate(text.splitlines(), 1):
        for match in _INSERTED.finditer(line.partition(" #")[0]):
            name, end = match[1] or match[2], match[3] or ""
            names.used_by_files.add(name)
            if not end.endswith(("-", "+")) and not line.lstrip().startswith("#"):
                names.inserted.append(Named(name, path, number, must=end.endswith("?")))


def _environment(path: str, service: Place) -> Iterator[Named]:
    """Written as a table or as a list of `NAME=value`."""
    named = [(name, place.line) for name, place in service.table("environment").items()]
    for place in service.items("environment"):
        named.append((str(place.value).partition("=")[0], place.line))
    yield from (Named(name, path, line) for name, line in named if _NAME.fullmatch(name))


def _read_workflow(names: Names, path: str, text: str) -> None:
    for document in _documents(names, path, text):
        jobs = list(document.table("jobs").values())
        steps = [step for job in jobs for step in job.items("steps")]
        for place in (document, *jobs, *steps):
            for name, value in place.table("env").items():
                names.workflows.append(Named(name, path, value.line))
    names.used_by_files.update(re.findall(r"(?:env\.|secrets\.|vars\.|\$\{?)([A-Za-z_]\w*)", text))


def _documents(names: Names, path: str, text: str) -> list[Place]:
    try:
        return read_yaml(text)
    except BrokenDocument as error:
        if not is_templated_file(text):
            names.broken.append((path, error))
        return []
