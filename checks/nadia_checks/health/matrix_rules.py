"""The rules of the check `health`."""

from __future__ import annotations

from pytest_nadia.finding import Rule, Severity

_BAD = """\
def check():
    return redis.ping()"""
_GOOD = """\
def check():
    used = redis.info("memory")["used_memory"]
    waiting = redis.llen("queue")
    ..."""

NOT_NOTICED = Rule(
    number="NAD501",
    name="fault-not-noticed",
    severity=Severity.ERROR,
    what="A fault was put before the health check, and it said that all is well, or did not name "
    "the cause.",
    why="The check stays green in the outage for which it was written.",
    repair="let the check look at what broke and say so; nadia health shows every fault",
    bad=_BAD,
    good=_GOOD,
)
HUNG = Rule(
    number="NAD502",
    name="health-check-hangs",
    severity=Severity.ERROR,
    what="Under a fault the health check gave no result within its deadline.",
    why="Whoever waits for it hangs too, and nobody is told.",
    repair="give the client a time-out, and the whole check a deadline below that of its caller",
    bad="redis.Redis.from_url(url)",
    good="redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)",
)
CRASHED = Rule(
    number="NAD503",
    name="health-check-crashes",
    severity=Severity.ERROR,
    what="Under a fault the health check raised an exception, or gave what is no result.",
    why="A check that crashes reports nothing of all the rest that it should look at.",
    repair="catch what a probe raises, and report it as that probe's result",
    bad='waiting = redis.llen("queue")',
    good="""\
try:
    waiting = redis.llen("queue")
except redis.RedisError as error:
    problems.append(f"queue: {error}")""",
)
FALSE_ALARM = Rule(
    number="NAD504",
    name="false-alarm",
    severity=Severity.ERROR,
    what="The health check was red where all is well, though only just: at a limit, a little slow.",
    why="Alarms that are often false are soon not read.",
    repair="compare with > instead of >=, or correct the limit in [tool.nadia.health.limits]",
    bad="healthy = waiting < 100",
    good="healthy = waiting <= 100",
)

RULES = (NOT_NOTICED, HUNG, CRASHED, FALSE_ALARM)
BY_OUTCOME = {
    "missed": NOT_NOTICED,
    "hung": HUNG,
    "crashed": CRASHED,
    "false alarm": FALSE_ALARM,
}
