"""Encrypting what the database must not hold in clear (AES-256-GCM, NIST SP 800-38D), with a key that lies in the
server's folder of secrets: who has the database alone has nothing of it."""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cti_server.shared.errors import Unavailable

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12


class FolderSealer:
    """The identity room's ``Sealer``. The key is made at its first use: ``<data>/secrets/signin.key``, mode 0600."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "secrets" / "signin.key"

    def seal(self, plain: bytes, purpose: str) -> str:
        """Encrypts it; it can be opened for the same purpose only."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return base64.b64encode(nonce + AESGCM(self._key()).encrypt(nonce, plain, purpose.encode())).decode()

    def open(self, sealed: str, purpose: str) -> bytes:
        """What was sealed. Raises Unavailable where the key is another one, or it was never sealed."""
        key = self._key()
        try:
            raw = base64.b64decode(sealed, validate=True)
            return AESGCM(key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], purpose.encode())
        except (InvalidTag, ValueError) as bad:
            raise Unavailable(
                "What was encrypted for the sign-in can't be read: the key in the server's folder of secrets is another"
            ) from bad

    def _key(self) -> bytes:
        return kept_key(self._path)


def kept_key(path: Path) -> bytes:
    """The random key that a file holds; made at its first use (mode 0600). Unavailable where it can't be read."""
    try:
        if not path.exists():
            _make(path)
        key = path.read_bytes()
    except OSError as bad:
        raise Unavailable("A key can't be read; look at the server's folder of secrets") from bad
    if len(key) != KEY_BYTES:
        raise Unavailable("A key is damaged; bring it back from the backup of the data folder")
    return key


def _make(path: Path) -> None:
    """Whole or not at all, and never over one that is there: two processes may start at once."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    handle = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_bytes(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(made, path)
    except FileExistsError:
        pass
    finally:
        made.unlink()


def proof_key(data_dir: Path) -> bytes:
    """The key of what stays of erased calls (``cti_server.compliance.erasing.proof``): ``<data>/secrets/proof.key``."""
    return kept_key(data_dir / "secrets" / "proof.key")


class NoSealer:
    """For a process that needs no secret of the sign-in: commands, the live streams."""

    def seal(self, plain: bytes, purpose: str) -> str:
        """Never."""
        raise Unavailable("Second factors are set up on the server's pages only")

    def open(self, sealed: str, purpose: str) -> bytes:
        """Never."""
        raise Unavailable("Second factors are checked on the server's pages only")
