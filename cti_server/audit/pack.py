"""An evidence pack as it is written: a ZIP that is handed on piece by piece, its manifest with the digest of every file
last."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, cast

from cti_server.audit import pack_verifier

VERIFIER: Final = "verify.py"


class _Sink:
    """Where a ZIP is written to; it can't go back, so that nothing has to be kept."""

    def __init__(self) -> None:
        self._held: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._held.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def taken(self) -> bytes:
        data = b"".join(self._held)
        self._held.clear()
        return data


class Pack:
    """A pack while it is made; all that each call gives has to be handed on. ``at``: epoch seconds, UTC."""

    def __init__(self, at: float) -> None:
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(cast(Any, self._sink), "w", zipfile.ZIP_DEFLATED)
        self._when = datetime.fromtimestamp(max(at, 315_619_200.0), UTC).timetuple()[
            :6
        ]  # ZIP knows nothing before 1980
        self._files: list[dict[str, Any]] = []

    def put(self, name: str, text: str | bytes) -> bytes:
        """A file."""
        return b"".join(self.stream(name, [text]))

    def stream(self, name: str, parts: Iterable[str | bytes]) -> Iterator[bytes]:
        """A file, piece by piece."""
        info = zipfile.ZipInfo(name, self._when)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o644 << 16
        digest, size = sha256(), 0
        with self._zip.open(info, "w", force_zip64=True) as file:
            for part in parts:
                data = part.encode() if isinstance(part, str) else part
                digest.update(data)
                size += len(data)
                file.write(data)
                yield self._sink.taken()
        self._files.append({"name": name, "sha256": digest.hexdigest(), "bytes": size})
        yield self._sink.taken()

    def verifier(self) -> bytes:
        """The program that proves the pack."""
        return self.put(VERIFIER, Path(pack_verifier.__file__).read_bytes())

    def end(self, about: Mapping[str, Any]) -> tuple[bytes, str]:
        """The manifest and the end of the pack; also the manifest's SHA-256."""
        text = as_json({"format": pack_verifier.FORMAT, **about, "files": self._files}, indent=1)
        made = self.put(pack_verifier.MANIFEST, text)
        self._zip.close()
        return made + self._sink.taken(), sha256(text.encode()).hexdigest()


def as_json(value: Any, indent: int | None = None) -> str:
    """A value with all that hangs on it as JSON, with a line break at its end."""
    return json.dumps(_plain(value), ensure_ascii=False, indent=indent) + "\n"


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: _plain(one) for name, one in value._asdict().items()}
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one) for one in value]
    return value
