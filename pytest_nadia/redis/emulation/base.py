"""What every mixin of the emulation stands on: at run time nothing, for the type checker the
socket class of fakeredis that it is mixed into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fakeredis._core import CommandItem
    from fakeredis._socket import FakeSocket

    from pytest_nadia.redis.emulation.plans import Plan
    from pytest_nadia.redis.emulation.state import ServerState

    class SocketBase(FakeSocket):
        """A client's side of a server."""

        state: ServerState
        _authenticated: bool

        def _locked_out(self) -> bool: ...

        def _note_change(self, key: bytes) -> None: ...

        def _item(self, key: bytes) -> CommandItem: ...

        def _call(self, plan: Plan, arguments: list[bytes], from_script: bool) -> Any: ...

else:
    SocketBase = object
