from __future__ import annotations

from pytest_nadia.redis.backends.info import parse_info, server_name, server_version

REDIS = b"# Server\r\nredis_version:7.0.15\r\nprocess_id:7\r\n\r\n# Keyspace\r\ndb0:keys=1\r\n"
VALKEY = b"# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.0.1\r\n"


def test_the_fields_of_all_sections() -> None:
    assert parse_info(REDIS) == {
        "redis_version": "7.0.15",
        "process_id": "7",
        "db0": "keys=1",
    }


def test_redis_and_valkey_are_told_apart() -> None:
    assert server_name(parse_info(REDIS)) == "redis"
    assert server_name(parse_info(VALKEY)) == "valkey"


def test_the_version_is_the_one_of_redis() -> None:
    assert server_version(parse_info(REDIS)) == (7, 0, 15)
    assert server_version(parse_info(VALKEY)) == (7, 2, 4)
    assert server_version({}) == ()
