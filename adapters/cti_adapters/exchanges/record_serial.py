"""Records over a serial line (spec O3)."""

from __future__ import annotations

from typing import Any

from serial import SerialException
from twisted.internet.serialport import SerialPort

from cti_adapters.exchanges.record_link import RecordReader
from cti_adapters.exchanges.record_tcp import ReadingLink
from cti_adapters.exchanges.status import Link, Reason
from cti_server.shared.errors import SettingsError


class SerialLink(ReadingLink):
    """Opens the line, and again whenever it is gone, as when an adapter is pulled out."""

    def _connect(self) -> None:
        self._timer = None
        if self.state.state is Link.STOPPED:
            self._say(Link.CONNECTING, self._connecting())
        line = self._settings
        try:
            reader = self._made()
            SerialPort(
                reader,
                line.device,
                self._reactor,
                baudrate=line.baud,
                bytesize=line.data_bits,
                parity=line.parity[0].upper(),
                stopbits=line.stop_bits,
                rtscts=line.flow_control == "rtscts",
                xonxoff=line.flow_control == "xonxoff",
            )
        except SettingsError as bad:
            self._try_later(Reason("bad-settings", {"error": str(bad)}))
        except (SerialException, OSError, ValueError) as bad:
            self._try_later(_why(bad, line.device))

    def up(self, reader: RecordReader) -> None:
        """The line is open; it can't be told whether somebody is at its other end."""
        self._reader = reader
        if self._intake.paused:
            reader.pause()
        super().up(reader)

    def lost(self, reader: RecordReader, reason: Reason) -> None:
        """The line is gone."""
        told = Reason("line-gone", {"device": self._settings.device}) if reason.code == "closed" else reason
        self._reader = reader
        super().lost(reader, told)

    def _connecting(self) -> Reason:
        return Reason("opening-line", {"device": self._settings.device})

    def _abandon(self) -> None:
        return


def _why(bad: Exception, device: str) -> Reason:
    number: Any = getattr(bad, "errno", None)
    if number == 2:  # ENOENT
        return Reason("no-device", {"device": device})
    if number in (1, 13):  # EPERM, EACCES
        return Reason("device-denied", {"device": device})
    return Reason("line-failed", {"device": device, "error": getattr(bad, "strerror", None) or str(bad)})
