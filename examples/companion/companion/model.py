"""The language model: any asynchronous callable; the default one is deterministic."""

from __future__ import annotations

import asyncio
import importlib
import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from companion.constants import MODEL_ATTEMPTS, MODEL_PAUSE
from companion.errors import ConfigError, ModelError
from companion.review import Spoken

if TYPE_CHECKING:
    from companion.message import Turn

# (user, text, history) -> answer
Model = Callable[[str, str, Sequence[Spoken]], Awaitable[str]]

_GREETINGS = ("hello", "hi", "hey", "good morning", "good evening")


async def answer(_user: str, text: str, _history: Sequence[Spoken]) -> str:
    """Repeat what was understood and ask for more: the same answer to the same text, always."""
    words = " / ".join(line.strip() for line in text.splitlines() if line.strip())
    if words.casefold().rstrip("!. ") in _GREETINGS:
        return "Hello! What is on your mind today?"
    if words.endswith("?"):
        return f'You ask "{words}" I would like to hear what you think first.'
    return f'You say "{words}" Tell me more.'


def load(name: str) -> Model:
    """The callable `package.module:name`. Raises ConfigError that names the missing part."""
    module_name, _, attribute = name.partition(":")
    try:
        found: Any = importlib.import_module(module_name)
    except Exception as error:
        problem = f"the model {name} cannot be imported ({type(error).__name__}: {error})"
        raise ConfigError([problem + ": correct COMPANION_MODEL"]) from error
    for part in attribute.split("."):
        found = getattr(found, part, None)
    if not (inspect.iscoroutinefunction(found) or _has_async_call(found)):
        raise ConfigError([f"the model {name} is not an asynchronous callable"])
    model: Model = found
    return model


async def ask(model: Model, turn: Turn, history: Sequence[Spoken], seconds: float) -> str:
    """The model's answer, at most `seconds` for each of a few attempts. Raises ModelError."""
    for attempt in range(MODEL_ATTEMPTS):
        try:
            return await _once(model, turn, history, seconds)
        except ModelError as error:
            last = error
        await asyncio.sleep(MODEL_PAUSE * 2**attempt)
    raise last


async def _once(model: Model, turn: Turn, history: Sequence[Spoken], seconds: float) -> str:
    try:
        async with asyncio.timeout(seconds):
            text = await model(turn.user, turn.text, history)
    except TimeoutError:
        raise ModelError(f"no answer within {seconds:g} s") from None
    except Exception as error:
        raise ModelError(f"{type(error).__name__}: {error}") from error
    if not isinstance(text, str) or not text.strip():
        raise ModelError("the answer is not a text, or it is empty")
    return text.encode(errors="replace").decode()


def _has_async_call(found: Any) -> bool:
    return inspect.iscoroutinefunction(getattr(found, "__call__", None))  # noqa: B004
