from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from companion.config import Settings, from_environment, url_problems
from companion.errors import ConfigError

pytestmark = pytest.mark.unit


def problems(**environment: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        from_environment(environment)
    return caught.value.problems


def test_an_empty_environment_gives_the_defaults() -> None:
    assert from_environment({"HOME": "/home/ana"}) == Settings()


def test_every_setting_is_read() -> None:
    settings = from_environment(
        {
            "REDIS_URL": "redis://db:6380/2",
            "COMPANION_REDIS_SECONDS": "1.5",
            "COMPANION_WINDOW": "1",
            "COMPANION_MAX_BATCH": "3",
            "COMPANION_MAX_WAIT": "4",
            "COMPANION_MODEL": "mine:talk",
            "COMPANION_MODEL_SECONDS": "9",
            "COMPANION_SENT_LOG": "data/log",
            "COMPANION_STORE": "data/store",
            "COMPANION_SILENCE_CACHE_SECONDS": "7",
            "COMPANION_LOG_LEVEL": "debug",
        }
    )
    paths = (Path("data/log"), Path("data/store"))
    expected = ("redis://db:6380/2", 1.5, 1.0, 3, 4.0, "mine:talk", 9.0, *paths, 7, "DEBUG")
    assert settings == Settings(*expected)


def test_all_problems_are_named_at_once() -> None:
    assert problems(
        REDIS_URL="http://x",
        COMPANION_WINDOW="soon",
        COMPANION_MAX_BATCH="2.5",
        COMPANION_MAX_WAIT="-1",
        COMPANION_MODEL="mine",
        COMPANION_LOG_LEVEL="LOUD",
        COMPANION_MAX_BACH="3",
    ) == [
        "REDIS_URL must look like redis://127.0.0.1:6379/0",
        "COMPANION_WINDOW must be a number, not 'soon'",
        "COMPANION_MAX_BATCH must be a whole number of at least 1, not 2.5",
        "COMPANION_MAX_WAIT must be between 0 and 3600 seconds, not -1",
        "COMPANION_MODEL must have the form package.module:name, not 'mine'",
        "COMPANION_LOG_LEVEL must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL, not 'LOUD'",
        "COMPANION_MAX_BACH is not a setting: did you mean COMPANION_MAX_BATCH?",
        "COMPANION_MAX_WAIT must not be shorter than COMPANION_WINDOW",
    ]


@pytest.mark.parametrize("value", ["nan", "inf", "0", "1e99", "-5"])
def test_a_duration_is_a_sensible_number(value: str) -> None:
    assert problems(COMPANION_MODEL_SECONDS=value)


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "1e30", "x"])
def test_a_count_is_a_sensible_number(value: str) -> None:
    assert problems(COMPANION_MAX_BATCH=value)


@pytest.mark.parametrize(
    "url", ["redis://h:99999", "redis://h:port", "redis://h/db", "h:6379", "redis://[::1"]
)
def test_a_redis_url_is_checked(url: str) -> None:
    assert url_problems("--redis", url) == ["--redis must look like redis://127.0.0.1:6379/0"]


def test_a_password_is_shown_neither_in_settings_nor_in_problems() -> None:
    word = "hunter" + "2"
    assert word not in repr(from_environment({"REDIS_URL": f"redis://:{word}@h/0"}))
    assert word not in str(url_problems("REDIS_URL", f"http://:{word}@h/0"))


def test_every_setting_of_alerts_is_read() -> None:
    settings = from_environment(
        {
            "COMPANION_ALERT_SLACK_URL": "https://example.org/s",
            "COMPANION_ALERT_SMTP_URL": "smtps://mail.example.org:465",
            "COMPANION_ALERT_MAIL_FROM": "bot@example.org",
            "COMPANION_ALERT_MAIL_TO": "ana@example.org , ben@example.org",
            "COMPANION_ALERT_COMMAND": "sh -c 'cat > told'",
            "COMPANION_ALERT_LOWEST": "Critical",
            "COMPANION_METRICS_PORT": "65535",
        }
    )
    assert settings.alert_slack_url == "https://example.org/s"
    assert settings.alert_mail_to == ("ana@example.org", "ben@example.org")
    assert settings.alert_command == ("sh", "-c", "cat > told")
    assert (settings.alert_lowest, settings.metrics_port) == ("critical", 65535)


def test_all_problems_of_alerts_are_named_at_once() -> None:
    word = "hunter" + "2"
    found = problems(
        COMPANION_ALERT_SLACK_URL=f"ftp://{word}@example.org",
        COMPANION_ALERT_DISCORD_URL=f"https://example.org/a b{word}",
        COMPANION_ALERT_WEBHOOK_URL="https://[::1",
        COMPANION_ALERT_SMTP_URL="smtp://mail.example.org",
        COMPANION_ALERT_MAIL_FROM="bot@example.org\nBcc: x@example.org",
        COMPANION_ALERT_COMMAND="/no/such/program 'a b'",
        COMPANION_ALERT_LOWEST="loud",
        COMPANION_METRICS_PORT="65536",
    )
    assert found == [
        "COMPANION_ALERT_SLACK_URL must look like https://host",
        "COMPANION_ALERT_DISCORD_URL must look like https://host",
        "COMPANION_ALERT_WEBHOOK_URL must look like https://host",
        "COMPANION_ALERT_MAIL_FROM must hold mail addresses, not "
        "'bot@example.org\\nBcc: x@example.org'",
        "COMPANION_ALERT_COMMAND names the program '/no/such/program', which is not there",
        "COMPANION_ALERT_LOWEST must be one of info, warning, critical, not 'loud'",
        "COMPANION_ALERT_SMTP_URL needs COMPANION_ALERT_MAIL_FROM and COMPANION_ALERT_MAIL_TO",
        "COMPANION_METRICS_PORT must be at most 65535",
    ]
    assert problems(COMPANION_ALERT_COMMAND="'open") == [
        "COMPANION_ALERT_COMMAND cannot be read as a command: No closing quotation"
    ]


def test_the_example_names_every_setting_and_its_default() -> None:
    example = (Path(__file__).parents[2] / ".env.example").read_text()
    lines = [line for line in example.splitlines() if "=" in line]
    set_here = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    assert from_environment(set_here) == Settings()
    named = {line.lstrip("#").split("=")[0] for line in lines}
    assert len(named) == len(fields(Settings))
    assert "is not a setting" not in str(problems(**dict.fromkeys(named, "%")))
