"""NAD809: the code, the examples and the compose files disagree about environment variables."""

from __future__ import annotations

import ast
import re
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from nadia_checks.core.check import Draft
from nadia_checks.core.project import printable
from nadia_checks.monitoring import environment_names, environment_reads
from nadia_checks.monitoring.environment_reads import Use
from nadia_checks.monitoring.files import read_text
from pytest_nadia.finding import Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nadia_checks.monitoring.environment_names import Named, Names
    from nadia_checks.monitoring.environment_reads import Read
    from nadia_checks.monitoring.evidence import Evidence

RULE = Rule(
    number="NAD809",
    name="environment-drift",
    severity=Severity.ERROR,
    what="The code needs an environment variable that no example names, or the other way round.",
    why=(
        "Whoever installs the program copies the example. What is not in it is missing until the "
        "code that needs it runs; what is there and read by nobody looks as if it did something."
    ),
    repair="name the variable in .env.example, or remove it where nobody reads it",
    bad='os.environ["CHAT_TOKEN"]  # .env.example names CHATBOT_TOKEN',
    good='os.environ["CHAT_TOKEN"]  # .env.example: CHAT_TOKEN=',
)

# Set by the system, or read by a library, an image or a tool and not by the project's own code.
WELL_KNOWN = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "PWD", "TERM", "EDITOR", "PAGER", "HOSTNAME"),
    *("LANG", "LC_*", "TZ", "TMPDIR", "TEMP", "TMP", "XDG_*", "DISPLAY", "COLUMNS", "LINES"),
    *("CI", "DEBUG", "NO_COLOR", "FORCE_COLOR", "CLICOLOR*", "SOURCE_DATE_EPOCH", "UID", "GID"),
    *("PUID", "PGID", "APPDATA", "LOCALAPPDATA", "USERPROFILE", "COMSPEC", "SYSTEMROOT"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "SSL_CERT_*", "REQUESTS_*", "CURL_*"),
    *("PYTHON*", "VIRTUAL_ENV", "CONDA_*", "PIP_*", "UV_*", "POETRY_*", "PYTEST_*", "COV*"),
    *("MYPY*", "RUFF_*", "PRE_COMMIT*", "SKIP", "TOX*", "HATCH_*", "NOX*", "TWINE_*"),
    *("GITHUB_*", "GH_*", "RUNNER_*", "ACTIONS_*", "GITLAB_*", "CI_*", "BUILDKIT*", "DOCKER_*"),
    *("COMPOSE_*", "KUBERNETES_*", "INVOCATION_ID", "JOURNAL_STREAM", "NOTIFY_SOCKET", "LISTEN_*"),
    *("AWS_*", "AZURE_*", "GOOGLE_*", "GCP_*", "GCLOUD_*", "CLOUDSDK_*", "S3_*", "BOTO_*"),
    *("OPENAI_*", "ANTHROPIC_*", "HF_*", "HUGGING*", "TRANSFORMERS_*", "LANGCHAIN_*", "COHERE_*"),
    *("OTEL_*", "SENTRY_*", "DD_*", "NEW_RELIC_*", "DJANGO_*", "FLASK_*", "UVICORN_*"),
    *("GUNICORN_*", "WEB_CONCURRENCY", "PORT", "CELERY_*", "C_FORCE_ROOT", "PROMETHEUS_*", "GF_*"),
    *("POSTGRES_*", "PG*", "MYSQL_*", "MARIADB_*", "MONGO*", "RABBITMQ_*", "REDIS_ARGS"),
    *("ALLOW_EMPTY_PASSWORD", "NODE_*", "NPM_*", "YARN_*", "JAVA_*", "GO*", "CARGO_*", "RUST*"),
    *("DEBIAN_FRONTEND", "OMP_*", "MKL_*", "CUDA_*", "NVIDIA_*", "TOKENIZERS_*", "MALLOC_*"),
    *("LD_*", "GIT_*", "SSH_*", "NADIA_*", "MAKE*"),
)
DOCUMENTS = (".md", ".rst", ".txt", ".adoc", ".ipynb", ".lock", ".svg", ".csv", ".patch")
# Bytes; a larger file is data.
LARGE = 1 << 20
_WORD = re.compile(r"[A-Z][A-Z0-9_]{2,}")


def find(evidence: Evidence) -> Iterator[Draft]:
    names = environment_names.read(evidence.project)
    for path, error in names.broken:
        yield _draft(
            path, error.line, f"{path} cannot be read: {error.problem}", "correct the file"
        )
    reads = environment_reads.reads(evidence.code)
    if names.example_files:
        yield from _unnamed(evidence, names, reads)
        yield from _unfilled(evidence, names)
    yield from _unread(evidence, names, reads)


def _unnamed(evidence: Evidence, names: Names, reads: list[Read]) -> Iterator[Draft]:
    """What the code needs and no file names."""
    named = [*names.examples, *names.for_us, *names.elsewhere, *names.workflows]
    known = {one.name for one in named} | {one.name for one in reads if one.use is Use.SET}
    optional = {one.name for one in reads if one.use is Use.OPTIONAL}
    told: set[str] = set()
    for one in sorted(reads, key=lambda read: read.use is not Use.NEEDED):
        wanted = one.use in (Use.NEEDED, Use.ASKED_FOR) and one.name not in optional
        if wanted and one.name not in known | told and not _is_known(evidence, one.name):
            told.add(one.name)
            yield _needed(one, names, known)


def _needed(one: Read, names: Names, known: set[str]) -> Draft:
    close = get_close_matches(one.name, sorted(known), n=1, cutoff=0.75)
    hint = f" (which names {close[0]})" if close else ""
    return _draft(
        one.path,
        one.line,
        f"the code reads {one.name}, which {names.example_files[0]} does not name",
        f"add {one.name} to {names.example_files[0]}{hint}",
        Severity.ERROR if one.use is Use.NEEDED else Severity.WARNING,
        content=one.name,
    )


def _unfilled(evidence: Evidence, names: Names) -> Iterator[Draft]:
    """What a compose file puts in and no example names."""
    known = {one.name for one in names.examples}
    for one in {one.name: one for one in reversed(names.inserted)}.values():
        if one.name not in known and not _is_known(evidence, one.name):
            yield _draft(
                one.path,
                one.line,
                f"{printable(one.path)} puts in {one.name}, which {names.example_files[0]} "
                "does not name",
                f"add {one.name} to {names.example_files[0]}, or give it a default",
                Severity.ERROR if one.must else Severity.WARNING,
                content=one.name,
            )


def _unread(evidence: Evidence, names: Names, reads: list[Read]) -> Iterator[Draft]:
    """What a file names and nobody reads."""
    candidates = [*names.examples, *names.for_us, *names.workflows]
    unread = [one for one in candidates if not _is_known(evidence, one.name)]
    if not unread:
        return
    readers = _Readers(evidence, reads, {one.path for one in candidates})
    told: set[str] = set()
    for one in unread:
        used = one.name in names.used_by_files and one not in names.for_us
        if one.name not in told and not used and not readers.read(one.name):
            told.add(one.name)
            yield _nobody_reads(one)


def _nobody_reads(one: Named) -> Draft:
    return _draft(
        one.path,
        one.line,
        f"{printable(one.path)} names {one.name}, which nobody reads",
        "remove it, correct its name, or add it to known_variables of [tool.nadia.monitoring]",
        Severity.WARNING,
        content=one.name,
    )


class _Readers:
    """Whoever may read a variable: code of any language, scripts, configuration."""

    def __init__(self, evidence: Evidence, reads: list[Read], naming: set[str]) -> None:
        self._read = {one.name for one in reads if one.use is not Use.SET}
        self._words = _words(evidence, naming)
        self._strings = {text for text in evidence.code.strings if 3 < len(text) < 100}
        self._fields = set(_fields(evidence))

    def read(self, name: str) -> bool:
        return (
            name in self._read or name in self._words or self._is_made(name) or self._is_field(name)
        )

    def _is_made(self, name: str) -> bool:
        """Put together in the code from a beginning and an end: `PREFIX + "TOKEN"`."""
        return any(
            name[:cut] in self._strings and name[cut:] in self._strings
            for cut in range(4, len(name) - 3)
        )

    def _is_field(self, name: str) -> bool:
        """A field of a class of settings, with or without a prefix."""
        lower = name.lower()
        return lower in self._fields or any(lower.endswith(f"_{one}") for one in self._fields)


def _fields(evidence: Evidence) -> Iterator[str]:
    for nodes in evidence.code.nodes.values():
        for node in nodes:
            if isinstance(node, ast.ClassDef) and _is_settings(node):
                for statement in node.body:
                    if isinstance(statement, ast.AnnAssign):
                        yield ast.unparse(statement.target).lower()


def _is_settings(node: ast.ClassDef) -> bool:
    return any(ast.unparse(base).endswith(("Settings", "BaseSettings")) for base in node.bases)


def _words(evidence: Evidence, naming: Iterable[str]) -> set[str]:
    """The words in capitals of all files but documents and those that name the variables."""
    apart = set(naming)
    return {
        word
        for name in evidence.project.files
        if name not in apart and not name.endswith(DOCUMENTS) and _is_small(evidence, name)
        for word in _WORD.findall(read_text(evidence.project, name))
    }


def _is_small(evidence: Evidence, name: str) -> bool:
    return (evidence.project.root / name).stat().st_size <= LARGE


def _is_known(evidence: Evidence, name: str) -> bool:
    globs = (*WELL_KNOWN, *evidence.options.known_variables)
    return any(fnmatchcase(name, glob) for glob in globs)


def _draft(
    path: str,
    line: int,
    message: str,
    repair: str,
    severity: Severity = RULE.severity,
    content: str | None = None,
) -> Draft:
    return Draft(
        rule=RULE.number,
        severity=severity,
        path=printable(path),
        line=line,
        message=message,
        help=repair,
        content=content,
    )
