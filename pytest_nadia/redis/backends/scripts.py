"""What a lease does in the server, each step as one script that nothing can come between."""

from __future__ import annotations

LEASE_MILLISECONDS = 30_000
DIRTY_MILLISECONDS = 7 * 24 * 3600 * 1000

# KEYS: lease, dirty. ARGV: database, token, lease in ms, dirty in ms, "force" or nothing.
TAKE = """
redis.call('SELECT', 0)
local holder = redis.call('GET', KEYS[1])
if holder then return {'leased', holder} end
local left_by_us = redis.call('EXISTS', KEYS[2]) == 1
local selected = redis.pcall('SELECT', ARGV[1])
if selected.err then return {'none', selected.err} end
local keys = redis.call('DBSIZE')
if keys > 0 and not left_by_us and ARGV[5] ~= 'force' then return {'foreign', keys} end
redis.call('SELECT', 0)
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[4])
redis.call('SELECT', ARGV[1])
if keys > 0 then redis.call('FLUSHDB', 'ASYNC') end
return {'taken', keys}
"""

# A lease that expired is still ours while nobody took the database after us (a suspended laptop).
_IF_OURS = """
redis.call('SELECT', 0)
local holder = redis.call('GET', KEYS[1])
local ours = holder == ARGV[2] or (not holder and redis.call('GET', KEYS[2]) == ARGV[2])
if not ours then return 0 end
"""

RENEW = f"""{_IF_OURS}
redis.call('PEXPIRE', KEYS[2], ARGV[4])
if not holder then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return redis.call('PEXPIRE', KEYS[1], ARGV[3])
"""

RESET = f"""{_IF_OURS}
redis.call('SELECT', ARGV[1])
redis.call('FLUSHDB')
return 1
"""

RELEASE = f"""{_IF_OURS}
redis.call('SELECT', ARGV[1])
redis.call('FLUSHDB', 'ASYNC')
redis.call('SELECT', 0)
redis.call('DEL', KEYS[1], KEYS[2])
return 1
"""


def call(script: str, database: int, token: str, *more: str) -> list[str]:
    """The command that runs a script for a database."""
    keys = f"pytest-nadia:lease:{database}", f"pytest-nadia:dirty:{database}"
    expiry = str(LEASE_MILLISECONDS), str(DIRTY_MILLISECONDS)
    return ["EVAL", script, str(len(keys)), *keys, str(database), token, *expiry, *more]
