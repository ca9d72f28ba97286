"""All that the emulation adds to fakeredis' socket, in one class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_nadia.redis.emulation.administration import AdministrationMixin
from pytest_nadia.redis.emulation.authentication import AuthenticationMixin
from pytest_nadia.redis.emulation.clients import ClientMixin
from pytest_nadia.redis.emulation.configuration import ConfigurationMixin
from pytest_nadia.redis.emulation.execution import ExecutionMixin
from pytest_nadia.redis.emulation.info import InfoMixin
from pytest_nadia.redis.emulation.introspection import IntrospectionMixin
from pytest_nadia.redis.emulation.logs import LogMixin
from pytest_nadia.redis.emulation.memorycommands import MemoryMixin
from pytest_nadia.redis.emulation.objects import ObjectMixin
from pytest_nadia.redis.emulation.repairs.collections import CollectionMixin
from pytest_nadia.redis.emulation.repairs.expiry import ExpiryMixin
from pytest_nadia.redis.emulation.repairs.keyspace import KeyspaceMixin
from pytest_nadia.redis.emulation.repairs.lcs import LcsMixin
from pytest_nadia.redis.emulation.repairs.sortedsets import SortedSetMixin
from pytest_nadia.redis.emulation.repairs.streamreads import StreamReadMixin
from pytest_nadia.redis.emulation.repairs.streams import StreamMixin
from pytest_nadia.redis.emulation.repairs.strings import StringMixin
from pytest_nadia.redis.emulation.scripting import ScriptingMixin

if TYPE_CHECKING:
    from pytest_nadia.redis.emulation.state import ServerState


class Emulation(
    AdministrationMixin,
    AuthenticationMixin,
    ClientMixin,
    ConfigurationMixin,
    ExecutionMixin,
    InfoMixin,
    IntrospectionMixin,
    LogMixin,
    MemoryMixin,
    ObjectMixin,
    ScriptingMixin,
    CollectionMixin,
    ExpiryMixin,
    KeyspaceMixin,
    LcsMixin,
    SortedSetMixin,
    StreamMixin,
    StreamReadMixin,
    StringMixin,
):
    """Mix in before fakeredis' `FakeSocket`; the server keeps a `ServerState` as `emulation`.

    What reaches `put_response` is a value for `encode_reply`.
    """

    def __init__(self, server: Any, *arguments: Any, **options: Any) -> None:
        self.state: ServerState = server.emulation
        self.state.attach(server)
        super().__init__(server, *arguments, **options)
        self.state.statistics.connections += 1
        self._authenticated = not self.state.settings.password
