"""Commands about the server as a whole: replication, saving, shutting down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fakeredis import _msgs as msgs
from fakeredis._command_args_parsing import Int
from fakeredis._helpers import BGSAVE_STARTED, OK, NoResponse, SimpleError, SimpleString, casematch

from pytest_nadia.redis.emulation.base import SocketBase
from pytest_nadia.redis.emulation.registry import command

if TYPE_CHECKING:
    from fakeredis._core import Database

NO_DEBUG = (
    'ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can '
    "run it from a local connection, otherwise you need to set this option in the configuration "
    "file, and then restart the server."
)
_NO_CLUSTER = "ERR This instance has cluster support disabled"
_NO_REPLICATION = "ERR the embedded Redis replicates nothing; use a real server for this"
_NO_SHUTDOWN = "ERR the embedded Redis ends with the tests; use a real server for this"
_SHUTDOWN_OPTIONS = frozenset({b"nosave", b"save", b"now", b"force", b"abort"})


class AdministrationMixin(SocketBase):
    @command("wait", (bytes, bytes))
    def wait(self, replicas: bytes, timeout: bytes) -> int:
        Int.decode(replicas)
        if Int.decode(timeout, "ERR timeout is not an integer or out of range") < 0:
            raise SimpleError(msgs.TIMEOUT_NEGATIVE_MSG)
        return 0

    @command("role")
    def role(self) -> list[Any]:
        return [b"master", 0, []]

    @command("replicaof", (bytes, bytes))
    def replicaof(self, host: bytes, port: bytes) -> SimpleString:
        if casematch(host, b"no") and casematch(port, b"one"):
            return OK
        Int.decode(port, "ERR Invalid master port")
        raise SimpleError(_NO_REPLICATION)

    @command("slaveof", (bytes, bytes))
    def slaveof(self, host: bytes, port: bytes) -> SimpleString:
        return self.replicaof(host, port)

    @command("debug", (bytes,), (bytes,))
    def debug(self, *_arguments: bytes) -> SimpleString:
        raise SimpleError(NO_DEBUG)

    @command("cluster", (), (bytes,))
    def cluster(self, *_arguments: bytes) -> SimpleString:
        raise SimpleError(_NO_CLUSTER)

    @command("readonly")
    def readonly_(self) -> SimpleString:
        raise SimpleError(_NO_CLUSTER)

    @command("readwrite")
    def readwrite_(self) -> SimpleString:
        raise SimpleError(_NO_CLUSTER)

    @command("asking")
    def asking(self) -> SimpleString:
        raise SimpleError(_NO_CLUSTER)

    @command("module list")
    def module_list(self) -> list[Any]:
        return []

    @command("lolwut", (), (bytes,))
    def lolwut(self, *_options: bytes) -> bytes:
        return b"Redis ver. %b\n" % self.state.version_text.encode()

    @command("save", flags=msgs.FLAG_NO_SCRIPT)
    def save(self) -> SimpleString:
        self._note_save()
        return OK

    @command("bgsave", (), (bytes,), msgs.FLAG_NO_SCRIPT)
    def bgsave(self, *options: bytes) -> SimpleString:
        if len(options) > 1 or (options and not casematch(options[0], b"schedule")):
            raise SimpleError(msgs.SYNTAX_ERROR_MSG)
        self._note_save()
        return BGSAVE_STARTED

    @command("bgrewriteaof", flags=msgs.FLAG_NO_SCRIPT)
    def bgrewriteaof(self) -> SimpleString:
        return SimpleString(b"Background append only file rewriting started")

    def _note_save(self) -> None:
        self._server.lastsave = int(self.state.clock.wall())
        self.state.changes_at_save += self.state.changes()

    @command("quit")
    def quit(self) -> SimpleString:
        self.kill()
        return OK

    @command("shutdown", (), (bytes,))
    def shutdown_command(self, *options: bytes) -> Any:
        if any(option.lower() not in _SHUTDOWN_OPTIONS for option in options):
            raise SimpleError(msgs.SYNTAX_ERROR_MSG)
        if any(casematch(option, b"abort") for option in options):
            raise SimpleError("ERR No shutdown in progress.")
        if self.state.shutdown is None:
            raise SimpleError(_NO_SHUTDOWN)
        self.state.shutdown()
        return NoResponse()

    @command("flushdb", (), (bytes,))
    def flushdb(self, *options: bytes) -> SimpleString:
        return self._flush([self._db], options)

    @command("flushall", (), (bytes,))
    def flushall(self, *options: bytes) -> SimpleString:
        return self._flush(list(self._server.dbs.values()), options)

    def _flush(self, databases: list[Database], options: tuple[bytes, ...]) -> SimpleString:
        if len(options) > 1 or (options and options[0].lower() not in {b"async", b"sync"}):
            raise SimpleError(msgs.SYNTAX_ERROR_MSG)
        for database in databases:
            database.clear()
        return OK

    @command("select", (bytes,))
    def select(self, number: bytes | int) -> SimpleString:
        index = number if isinstance(number, int) else Int.decode(number)
        self.state.check_database(index)
        self._db, self._db_num = self._server.dbs[index], index
        return OK

    @command("swapdb", (bytes, bytes))
    def swapdb(self, one: bytes, other: bytes) -> SimpleString:
        first = Int.decode(one, "ERR invalid first DB index")
        second = Int.decode(other, "ERR invalid second DB index")
        self.state.check_database(first)
        self.state.check_database(second)
        if first != second:
            self._server.dbs[first].swap(self._server.dbs[second])
        return OK

    @command("reset", flags=msgs.FLAG_NO_SCRIPT + msgs.FLAG_TRANSACTION)
    def reset(self) -> SimpleString:
        status: SimpleString = super().reset()
        self._authenticated = not self.state.settings.password
        return status
