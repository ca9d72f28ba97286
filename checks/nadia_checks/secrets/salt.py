"""The repository's salt: with it a fingerprint tells a secret apart without giving it away."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from typing import TYPE_CHECKING

from nadia_checks.core.errors import CheckError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

SALT = ".nadia/salt"


def read_salt(root: Path) -> bytes | None:
    """The committed salt, None where there is none.

    Raises:
        CheckError: the file is there and is no salt.
    """
    try:
        salt = bytes.fromhex((root / SALT).read_bytes().decode("ascii"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        salt = b""
    if len(salt) < 16:
        raise CheckError(f"{SALT} is not a line of 32 hexadecimal digits: restore it from git")
    return salt


def ensure_salt(root: Path) -> bytes:
    """The salt, made where there is none; it is to be committed.

    Raises:
        CheckError: the file is there and is no salt.
        UsageError: it cannot be written.
    """
    if salt := read_salt(root):
        return salt
    path = root / SALT
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(exist_ok=True)
        unfinished.write_text(f"{secrets.token_hex(16)}\n")
        unfinished.replace(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    return ensure_salt(root)


def keyed_fingerprint(salt: bytes, rule: str, value: str) -> str:
    """16 hexadecimal digits, the same wherever the value stands."""
    text = f"{rule}\0{value}".encode(errors="replace")
    return hmac.new(salt, text, hashlib.sha256).hexdigest()[:16]
