from __future__ import annotations

import io

import pytest

from companion.log import redact, set_up

pytestmark = pytest.mark.unit

SECRETS = [
    "redis://bot:" + "s3cr3t" + "@host/0",
    "redis://:" + "s3cr3t" + "@host/0",
    "password=" + "s3cr3t",
    "'api_key': '" + "s3cr3t" + "'",
    "Authorization: Bearer " + "s3cr3ts3cr3t",
    "sk-" + "s3cr3t" * 4,
    "ghp_" + "s3cr3t" * 6,
    "xoxb-" + "s3cr3t" * 3,
    "AKIA" + "S3CR3TS3CR3TS3CR",
    "123456789:" + "s3cr3t" * 5 + "abcde",
    "eyJ" + "s3cr3tAA." * 2 + "s3cr3tAA",
]


@pytest.mark.parametrize("text", SECRETS, ids=range(len(SECRETS)))
def test_a_secret_is_hidden_and_the_rest_stays(text: str) -> None:
    shown = redact(f"before {text} after")
    assert "s3cr3t" not in shown.casefold()
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    assert "***" in shown


@pytest.mark.parametrize("text", ["turn e5 at redis://127.0.0.1:6379/0", "token", "a@b", ""])
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert redact(text) == text


def test_arguments_and_tracebacks_are_redacted() -> None:
    stream = io.StringIO()
    log = set_up("INFO", stream)
    log.info("connected to %s", "redis://:" + "s3cr3t" + "@host")
    text = "password=" + "s3cr3t"
    try:
        raise ValueError(text)
    except ValueError:
        log.exception("failed")
    assert "s3cr3t" not in stream.getvalue()
    assert "companion: INFO: connected to redis://:***@host" in stream.getvalue()
    assert "ValueError: password=***" in stream.getvalue()


def test_setting_up_twice_prints_once() -> None:
    stream = io.StringIO()
    set_up("INFO", stream)
    set_up("WARNING", stream).info("not shown")
    set_up("WARNING", stream).warning("shown")
    assert stream.getvalue() == "companion: WARNING: shown\n"
