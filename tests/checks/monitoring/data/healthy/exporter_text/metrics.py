"""Exports in the ways that programs do."""

from __future__ import annotations

import collections
from collections import Counter as Tally

import prometheus_client as prom
from names import PREFIX, WAITING
from prometheus_client import Counter, Enum, Gauge, Histogram, Info, Summary
from prometheus_client.core import GaugeMetricFamily

TALLY = Tally("bot_never_exported")
OTHER = collections.Counter("bot_never_exported")
SENT = Counter("bot_sent", "Messages", ["channel"])
FAILED = prom.Counter(name="bot_failed_total", documentation="Failures")
LATENCY = Histogram("latency", "Seconds", namespace="bot", subsystem="answer", unit="seconds")
SIZE = Summary(f"{PREFIX}_size_bytes", "Bytes")
BUILD = Info("bot_build", "Build")
STATE = Enum(PREFIX + "_state", "State", states=["up", "down"])
QUEUES = {name: Gauge(f"bot_{name}", "Length") for name in ("write_ahead", WAITING)}


def collect() -> object:
    yield GaugeMetricFamily("bot_cursor_age_seconds", "Age", labels=["cursor"])


def render(length: int, values: dict[str, float]) -> str:
    lines = ["# HELP bot_rounds_total Rounds", f'bot_mood{{user="x"}} {length}', "bot_up 1"]
    lines += [f"bot_length {length}", f"bot_percent {length}"]
    lines += [f"# TYPE {name} gauge\n{name} {value}" for name, value in values.items()]
    return "\n".join(lines)


TABLE = {"bot_from_table": 1.0}
