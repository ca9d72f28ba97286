from __future__ import annotations

import io

import pytest

from companion.errors import ConfigError, ModelError, StateLost, handle_errors
from companion.log import set_up

pytestmark = pytest.mark.unit


def fail(error: BaseException) -> None:
    raise error


def test_what_is_to_be_absorbed_is_logged_and_absorbed() -> None:
    stream = io.StringIO()
    with handle_errors(set_up("ERROR", stream), "asking", absorb=(ModelError,)):
        fail(ModelError("no answer"))
    assert stream.getvalue() == "companion: ERROR: asking: no answer\n"


def test_everything_else_is_logged_and_raised_again() -> None:
    stream = io.StringIO()
    with (
        pytest.raises(KeyError),
        handle_errors(set_up("ERROR", stream), "asking", absorb=(ModelError,)),
    ):
        fail(KeyError("x"))
    assert stream.getvalue() == "companion: ERROR: asking: KeyError: 'x'\n"


def test_an_interruption_passes_in_silence() -> None:
    stream = io.StringIO()
    with (
        pytest.raises(KeyboardInterrupt),
        handle_errors(set_up("ERROR", stream), "asking", absorb=(Exception,)),
    ):
        fail(KeyboardInterrupt())
    assert stream.getvalue() == ""


def test_exit_codes_tell_usage_from_failure() -> None:
    assert (ConfigError(["a", "b"]).exit_code, StateLost("x").exit_code) == (2, 1)
    assert str(ConfigError(["a", "b"])) == "a; b"
