"""`async_redis_client` leaves no socket and no ResourceWarning behind, whoever runs the loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

# Garbage is collected right after each test, so that a warning is that test's error.
COLLECT = """
    import asyncio
    import gc
    import pytest

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(item):
        result = yield
        gc.collect()
        return result

    async def use_client(client):
        await client.set("a", 1)
        assert await client.get("a") == b"1"

    async def block(client):
        task = asyncio.ensure_future(client.blpop("queue", 30))
        await asyncio.sleep(0.05)
        return task

    async def subscribe(client):
        pubsub = client.pubsub()
        await pubsub.subscribe("channel")
        await pubsub.get_message(timeout=5)
        await use_client(client)
        return pubsub

    async def close(client):
        await use_client(client)
        await client.aclose()

    async def nothing(client):
        pass

    async def use_many(client):
        await asyncio.gather(*(use_client(client) for _ in range(20)))

    STORIES = [use_client, block, subscribe, close, nothing, use_many]

    @pytest.fixture(params=STORIES, ids=[story.__name__ for story in STORIES])
    def story(request):
        return request.param

    @pytest.fixture
    def idle_loop():
        loop = asyncio.new_event_loop()
        yield loop
        loop.close()
"""
STRICT = ("-W", "error", "-W", "ignore::pytest.PytestAssertRewriteWarning")


@pytest.fixture
def check(
    pytester: pytest.Pytester, run_inner: Callable[..., pytest.RunResult]
) -> Callable[..., None]:
    """Runs tests with every warning as an error; so many must pass."""

    def run(code: str, passed: int, *arguments: str) -> None:
        pytester.makeconftest(COLLECT)
        pytester.makepyfile(code)
        run_inner(*STRICT, *arguments, subprocess=True).assert_outcomes(passed=passed)

    return run


@pytest.mark.slow
def test_under_asyncio_run_and_loops_of_all_kinds(check: Callable[..., None]) -> None:
    check(
        """
        import asyncio
        import threading
        from conftest import use_client

        def test_run(async_redis_client, story):
            asyncio.run(story(async_redis_client))

        def test_one_loop_after_another(async_redis_client, story):
            for _ in range(3):
                asyncio.run(story(async_redis_client))
                asyncio.run(use_client(async_redis_client))

        def test_never_used(async_redis_client):
            pass

        def test_a_loop_that_closes_after_the_client(idle_loop, async_redis_client, story):
            idle_loop.run_until_complete(story(async_redis_client))

        def test_a_loop_that_closes_before_the_client(async_redis_client, idle_loop, story):
            kept = idle_loop.run_until_complete(story(async_redis_client))

        def test_two_idle_loops(idle_loop, async_redis_client, story):
            idle_loop.run_until_complete(story(async_redis_client))
            asyncio.run(story(async_redis_client))

        def test_a_loop_that_goes_on_in_a_thread(async_redis_client, idle_loop):
            thread = threading.Thread(target=idle_loop.run_forever)
            thread.start()
            using = use_client(async_redis_client)
            asyncio.run_coroutine_threadsafe(using, idle_loop).result(20)
            idle_loop.call_soon_threadsafe(idle_loop.stop)
            thread.join(20)

        def test_debug_mode(async_redis_client, story):
            asyncio.run(story(async_redis_client), debug=True)
        """,
        6 * 6 + 2,
    )


def test_a_loop_that_still_runs_in_a_thread_at_the_end(check: Callable[..., None]) -> None:
    check(
        """
        import asyncio
        import threading
        import pytest
        from conftest import use_client

        @pytest.fixture
        def running():
            loop = asyncio.new_event_loop()
            thread = threading.Thread(target=loop.run_forever)
            thread.start()
            yield loop
            loop.call_soon_threadsafe(loop.stop)
            thread.join(20)
            loop.close()

        def test_it(running, async_redis_client):
            using = use_client(async_redis_client)
            asyncio.run_coroutine_threadsafe(using, running).result(20)
        """,
        1,
    )


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["auto", "strict"])
def test_under_pytest_asyncio(check: Callable[..., None], mode: str) -> None:
    check(
        """
        import pytest
        from conftest import use_client

        @pytest.mark.asyncio
        async def test_function(async_redis_client, story):
            await story(async_redis_client)

        @pytest.mark.asyncio(loop_scope="module")
        async def test_module_loop(async_redis_client, story):
            await story(async_redis_client)

        @pytest.mark.asyncio(loop_scope="module")
        async def test_module_loop_again(async_redis_client):
            assert await async_redis_client.dbsize() == 0
            await use_client(async_redis_client)
        """,
        13,
        *("-p", "pytest_asyncio.plugin", "-o", f"asyncio_mode={mode}"),
        *("-o", "asyncio_default_fixture_loop_scope=function"),
    )


@pytest.mark.slow
@pytest.mark.parametrize("scope", ["function", "module"])
def test_under_anyio(check: Callable[..., None], require_anyio: None, scope: str) -> None:
    check(
        f"""
        import pytest

        @pytest.fixture(scope="{scope}")
        def anyio_backend():
            return "asyncio"

        @pytest.mark.anyio
        async def test_it(async_redis_client, story):
            await story(async_redis_client)
        """,
        6,
        *("-p", "anyio"),
    )


@pytest.fixture
def require_anyio() -> None:
    """It is among the development requirements; without it nothing here was tested."""
    import importlib.util

    assert importlib.util.find_spec("anyio"), "pip install anyio: it is in requirements/dev.txt"


@pytest.mark.slow
def test_clients_with_options_of_their_own(check: Callable[..., None]) -> None:
    check(
        """
        import asyncio
        import pytest

        @pytest.mark.parametrize("single", [False, True])
        def test_it(redis_server, single):
            client = redis_server.async_client(
                decode_responses=True, single_connection_client=single
            )

            async def talk():
                await client.set("a", "b")
                assert await client.get("a") == "b"

            asyncio.run(talk())
        """,
        2,
    )


def test_a_client_used_after_its_test_says_so(check: Callable[..., None]) -> None:
    check(
        """
        import asyncio
        import pytest
        import redis

        kept = []

        def test_keeps(async_redis_client):
            kept.append(async_redis_client)

        def test_uses():
            with pytest.raises(redis.ConnectionError, match="the test .* is over"):
                asyncio.run(kept[0].ping())
        """,
        2,
    )


def test_each_test_starts_empty(check: Callable[..., None]) -> None:
    check(
        """
        import asyncio
        import pytest

        @pytest.mark.parametrize("number", range(3))
        def test_it(async_redis_client, number):
            async def talk():
                assert await async_redis_client.dbsize() == 0
                await async_redis_client.set("left", "behind")

            asyncio.run(talk())
        """,
        3,
    )
