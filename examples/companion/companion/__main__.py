"""The command line: play a transcript, talk on the terminal, or look after the bot."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from companion import config, health, model, recovery_health, transcript
from companion.bot import Bot, unobserved
from companion.errors import CompanionError, ConfigError
from companion.log import redact, set_up
from companion.message import one_line
from companion.pacing import Pace, Pacing
from companion.protocol import SilenceProtocol, SqliteStore
from companion.recovery_log import RecoveryLog
from companion.redis_connection import RedisConnection, explain
from companion.review import Flow
from companion.state import State
from companion.terminal import Lines, Terminal
from companion.transport import SentLog
from companion.watching import watch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from companion.bot import Reached
    from companion.config import Settings
    from companion.message import Turn
    from companion.report import Report

INTERRUPTED = 130


@dataclass(frozen=True)
class Played:
    """A transcript and the name under which the store knows it."""

    source: str
    lines: list[transcript.Line]

    @classmethod
    def of(cls, path: Path) -> Played:
        return cls(str(path.absolute()), transcript.read(path))


def main(argv: Sequence[str] | None = None, *, reached: Reached = unobserved) -> int:
    """Run the program and give its exit code; `reached` hears each step before it is taken."""
    arguments = _parser().parse_args(argv)
    url = ""
    try:
        settings = _settings(arguments.redis)
        url = settings.redis_url
        set_up(settings.log_level)
        return _run(arguments, settings, reached)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except ConfigError as error:
        return _fail(error.exit_code, *error.problems)
    except CompanionError as error:
        return _fail(error.exit_code, str(error))
    except RedisError as error:
        return _fail(1, explain(error, url))


def _run(arguments: argparse.Namespace, settings: Settings, reached: Reached) -> int:
    if arguments.health:
        return _print(asyncio.run(health.check(settings.redis_url)))
    if arguments.recovery:
        return _print(asyncio.run(recovery_health.check()))
    if arguments.daemon:
        return asyncio.run(watch(settings, _note))
    if arguments.silence or arguments.lift:
        return asyncio.run(_silence(arguments, settings))
    played = Played.of(arguments.transcript) if arguments.transcript else None
    language_model = model.load(settings.model)
    with SentLog(settings.sent_log) as sent_log:
        return asyncio.run(_talk(settings, played, language_model, sent_log, reached))


async def _talk(
    settings: Settings,
    played: Played | None,
    language_model: model.Model,
    sent_log: SentLog,
    reached: Reached,
) -> int:
    async with RedisConnection(settings.redis_url, settings.redis_seconds) as connection:
        state = State(connection.client)
        await state.open()
        pacing = Pacing(state, Pace(settings.window, settings.max_batch, settings.max_wait))
        protocol = _protocol(state, settings)
        recovery = RecoveryLog(settings.store)
        async with recovery.operation("recover"):
            await protocol.recover()
        bot = Bot(
            pacing,
            protocol,
            Flow(state, pacing),
            language_model,
            sent_log,
            model_seconds=settings.model_seconds,
            on_sent=_print_sent,
            reached=reached,
        )
        if played is None:
            await Terminal(bot, Lines(sys.stdin.fileno()), _say, live=sys.stdin.isatty()).run()
        else:
            await _play(bot, played, recovery)
        if bot.sent_before:
            _note(f"{bot.sent_before} answers were sent before, says {settings.sent_log}")
        return _summary(bot)


async def _play(bot: Bot, played: Played, recovery: RecoveryLog) -> None:
    lines = played.lines
    await recovery.looked_at(played.source, finished=False)
    async with recovery.operation("play") as operation:
        operation.messages = len(lines)
        taken = await transcript.play(bot, lines)
        operation.errors = len(bot.unanswered)
    await recovery.looked_at(played.source, finished=True)
    if lines and not taken:
        _note(f"nothing new: all {len(lines)} messages were taken before")
    if waiting := len(await bot.flow.waiting()):
        _note(f"{waiting} to review: run without --transcript to decide")


async def _silence(arguments: argparse.Namespace, settings: Settings) -> int:
    async with RedisConnection(settings.redis_url, settings.redis_seconds) as connection:
        state = State(connection.client)
        await state.open()
        protocol = _protocol(state, settings)
        if arguments.silence:
            changed = await protocol.silence(arguments.silence, arguments.reason)
            _say(f"{arguments.silence} {'is silenced' if changed else 'was silenced already'}")
        else:
            changed = await protocol.lift(arguments.lift, arguments.reason)
            _say(f"{arguments.lift} {'is answered again' if changed else 'was not silenced'}")
    return 0


def _print(report: Report) -> int:
    for line in report.lines():
        _say(redact(line))
    return 0 if report.healthy else 1


def _protocol(state: State, settings: Settings) -> SilenceProtocol:
    return SilenceProtocol(state, SqliteStore(settings.store), settings.silence_cache_seconds)


def _settings(url: str | None) -> Settings:
    settings = config.from_environment(os.environ)
    if url is None:
        return settings
    if problems := config.url_problems("--redis", url):
        raise ConfigError(problems)
    return replace(settings, redis_url=url)


def _summary(bot: Bot) -> int:
    if not bot.unanswered:
        return 0
    names = ", ".join(sorted(bot.unanswered)[:3])
    return _fail(
        1,
        f"{len(bot.unanswered)} without an answer from the model ({names}): they are kept, "
        "start the bot again to ask once more",
    )


def _print_sent(turn: Turn) -> None:
    _say(f"{turn.user}: {one_line(turn.answer)}")


def _say(line: str) -> None:
    print(line, flush=True)


def _note(line: str) -> None:
    print(f"companion: {line}", file=sys.stderr)


def _fail(code: int, *problems: str) -> int:
    for problem in problems:
        _note(redact(one_line(problem)))
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="companion", description="A chatbot whose every answer a person reviews."
    )
    parser.add_argument("--redis", metavar="URL", help="default: REDIS_URL, or the local server")
    parser.add_argument("--reason", default="", metavar="TEXT", help="for the audit trail")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--transcript", type=Path, metavar="FILE", help="play a conversation")
    what.add_argument("--health", action="store_true", help="check Redis and this machine")
    what.add_argument("--recovery", action="store_true", help="check what recovery relies on")
    what.add_argument("--daemon", action="store_true", help="check on a schedule, and alert")
    what.add_argument("--silence", metavar="USER", help="hold this user's messages, answer none")
    what.add_argument("--lift", metavar="USER", help="answer this user again")
    return parser


if __name__ == "__main__":
    sys.exit(main())
