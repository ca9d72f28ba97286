"""Names of the Redis keys, limits and durations. Durations are in seconds, sizes in bytes."""

from __future__ import annotations

from typing import Final

PREFIX: Final = "companion:"
EPOCH: Final = PREFIX + "epoch"
WRITE_AHEAD: Final = PREFIX + "write-ahead"
DUE: Final = PREFIX + "due"
BUSY: Final = PREFIX + "busy"
WORK: Final = PREFIX + "work"
REVIEW: Final = PREFIX + "review"
SEQUENCE: Final = PREFIX + "sequence"
GARBAGE: Final = PREFIX + "garbage"

# The keys that exist once, with the type that Redis must hold there.
KEY_TYPES: Final = {
    EPOCH: "string",
    WRITE_AHEAD: "hash",
    DUE: "zset",
    BUSY: "hash",
    WORK: "zset",
    REVIEW: "zset",
    SEQUENCE: "string",
    GARBAGE: "set",
}

SEEN: Final = PREFIX + "seen:"
BUFFER: Final = PREFIX + "buffer:"
TURN: Final = PREFIX + "turn:"
HISTORY: Final = PREFIX + "history:"
HELD: Final = PREFIX + "held:"
SILENCE: Final = PREFIX + "silence:"
PROBE: Final = PREFIX + "probe"
ALERTS: Final = PREFIX + "alerts"

HOUR: Final = 3_600
DAY: Final = 86_400
SEEN_SECONDS: Final = 30 * DAY
ENDED_TURN_SECONDS: Final = 30 * DAY
HISTORY_SECONDS: Final = 90 * DAY
HISTORY_ENTRIES: Final = 50

MAX_NAME: Final = 128
MAX_TEXT: Final = 4096

MODEL_ATTEMPTS: Final = 3
MODEL_PAUSE: Final = 0.05
MODELS_AT_ONCE: Final = 8
HISTORIES_AT_ONCE: Final = 50
REDIS_RETRIES: Final = 3

MEMORY_LIMIT: Final = 200 * 1024 * 1024
WRITE_AHEAD_LIMIT: Final = 100
WRITE_AHEAD_AGE: Final = 15 * 60
WORK_LIMIT: Final = 100
WORK_AGE: Final = 15 * 60
REVIEW_LIMIT: Final = 50
REVIEW_AGE: Final = 2 * HOUR
CLOCK_LIMIT: Final = 5 * 60
CPU_LIMIT: Final = 80.0
RAM_LIMIT: Final = 85.0
DISK_LIMIT: Final = 90.0
PROBE_SECONDS: Final = 2.0
GRACE_SECONDS: Final = 0.2

ALERTS_PER_HOUR: Final = 10
ALERTS_RESERVED: Final = 3
ALERT_COOLDOWN: Final = 1_800
ALERT_STATE_SECONDS: Final = 2.0
ALERT_LOCK_SECONDS: Final = 1.0
ALERT_SHARED_SECONDS: Final = 1.0
ALERT_TEXT: Final = 3_000
ALERT_TITLE: Final = 200

STORE_SECONDS: Final = 0.5
OPERATIONS_KEPT: Final = 1_000
OPERATIONS_AT_LEAST: Final = 20
OPERATION_SECONDS: Final = 2 * HOUR
MESSAGE_SECONDS: Final = 60.0
CURSOR_SECONDS: Final = DAY
FAILED_LIMIT: Final = 10.0
ERRORS_WARNING: Final = 5.0
ERRORS_CRITICAL: Final = 10.0

HEALTH_EVERY: Final = 5 * 60
RECOVERY_EVERY: Final = 10 * 60
SENT_LOG_EVERY: Final = 4 * HOUR
STORE_EVERY: Final = 12 * HOUR
CHECK_SECONDS: Final = 60.0
FAILURES_IN_A_ROW: Final = 3
STOP_SECONDS: Final = 1.0
