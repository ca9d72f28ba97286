"""Runs the companion bot again and again and kills it with SIGKILL at chosen points.

Reads jobs from standard input, one JSON object a line, and answers each with one. A job's bot
plays `transcript` in `directory` on the Redis at `url`, which is emptied first; it is killed at
each point of `kills` in turn and started again, and at last runs to its end. The bot is forked
from this process, so that a start does not cost the imports. A point is [kind, name, count]:

  step      just before the count-th passage of the named step of the bot
  command   just before the count-th command goes out to Redis
  reply     just after the count-th reply came from Redis: the transition is done, unheard
  torn      in the middle of the count-th line written to the log of sent messages
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_COMPANION = Path(__file__).parents[2] / "examples" / "companion"


class Killer:
    """Counts what the bot passes, and kills the process at the chosen point."""

    def __init__(self, point: Sequence[Any] | None) -> None:
        self._point = tuple(point) if point else None
        self.passed: Counter[tuple[str, str]] = Counter()

    def at(self, kind: str, name: str) -> None:
        if self.due(kind, name):
            os.kill(os.getpid(), signal.SIGKILL)

    def due(self, kind: str, name: str) -> bool:
        self.passed[kind, name] += 1
        return self._point == (kind, name, self.passed[kind, name])

    def step(self, name: str) -> None:
        self.at("step", name)


async def answer(user: str, text: str, history: Sequence[Any]) -> str:
    """The bot's own model, which also notes each call."""
    with Path("model-calls").open("a") as calls:
        calls.write(json.dumps(text) + "\n")
    default = importlib.import_module("companion.model").answer
    return str(await default(user, text, history))


def watch_redis(killer: Killer) -> None:
    connection: Any = importlib.import_module("redis.asyncio.connection").AbstractConnection
    send, read = connection.send_packed_command, connection.read_response

    async def counted_send(self: Any, *args: Any, **kwargs: Any) -> Any:
        killer.at("command", "")
        return await send(self, *args, **kwargs)

    async def counted_read(self: Any, *args: Any, **kwargs: Any) -> Any:
        reply = await read(self, *args, **kwargs)
        killer.at("reply", "")
        return reply

    connection.send_packed_command, connection.read_response = counted_send, counted_read


def watch_log(killer: Killer) -> None:
    write = os.write

    def torn_write(descriptor: int, data: bytes) -> int:
        if data.startswith(b'{"id"') and killer.due("torn", ""):
            write(descriptor, data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return write(descriptor, data)

    os.write = torn_write  # type: ignore[assignment]


def start_bot(job: dict[str, Any], point: Sequence[Any] | None) -> int:
    """Run the bot in a child process; its exit code, negative if a signal ended it."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(run_bot(job, Killer(point)))
        finally:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def run_bot(job: dict[str, Any], killer: Killer) -> int:
    os.chdir(job["directory"])
    output = os.open("output", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    watch_redis(killer)
    watch_log(killer)
    arguments = ["--redis", job["url"], "--transcript", job["transcript"]]
    program = importlib.import_module("companion.__main__")
    code = int(program.main(arguments, reached=killer.step))
    counts = {f"{kind} {name}".strip(): count for (kind, name), count in killer.passed.items()}
    Path("passed.json").write_text(json.dumps(counts))
    return code


def run(job: dict[str, Any]) -> dict[str, Any]:
    """The exit codes, and the texts that the model was asked about though they had an answer."""
    redis = importlib.import_module("redis")
    codes, again = [], []
    with redis.Redis.from_url(job["url"], decode_responses=True) as client:
        client.flushdb()
        for point in [*job["kills"], None]:
            answered, asked = answered_texts(client), len(model_calls(job))
            codes.append(start_bot(job, point))
            again += [text for text in model_calls(job)[asked:] if text in answered]
    return {"codes": codes, "asked_again": again}


def answered_texts(client: Any) -> set[str]:
    turns = [client.hgetall(key) for key in client.scan_iter("companion:turn:*")]
    return {turn["text"] for turn in turns if turn["step"] != "batched"}


def model_calls(job: dict[str, Any]) -> list[str]:
    path = Path(job["directory"], "model-calls")
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def main() -> None:
    sys.path.insert(0, str(_COMPANION))
    os.environ |= {"COMPANION_MODEL": "__main__:answer", "COMPANION_LOG_LEVEL": "ERROR"}
    importlib.import_module("companion.__main__")
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
