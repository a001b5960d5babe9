"""SSLTransport: what a program's protocol sees of a TLS connection.

It has no state of its own but "closed": every method asks the `SSLProtocol` that
made it.

Where it differs from asyncio
    Closing it twice leaves it usable for questions.

Read next: tls.py
"""

from __future__ import annotations

import warnings as _warnings
from collections.abc import Iterable
from typing import Any

from ..interface import AbstractEventLoop, Transport
from .transports import SendfileMode

__all__ = ["SSLTransport"]


class SSLTransport(Transport):
    """The upper end of *ssl_protocol*, on *loop*.

    Counterpart: ``asyncio.sslproto._SSLProtocolTransport``.
    """

    _start_tls_compatible = True
    _sendfile_compatible = SendfileMode.FALLBACK

    def __init__(self, loop: AbstractEventLoop, ssl_protocol: Any) -> None:
        self._loop = loop
        self._ssl_protocol = ssl_protocol
        self._closed = False

    def __del__(self, _warnings: Any = _warnings) -> None:
        if not self._closed:
            self._closed = True
            _warnings.warn(
                "unclosed transport <asyncio._SSLProtocolTransport object>", ResourceWarning
            )

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what is known under *name*: of TLS, else of the transport below."""
        return self._ssl_protocol._get_extra_info(name, default)

    def set_protocol(self, protocol: Any) -> None:
        """Have *protocol* called from now on."""
        self._ssl_protocol._set_app_protocol(protocol)

    def get_protocol(self) -> Any:
        """Return the protocol that is called."""
        return self._ssl_protocol._app_protocol

    # -- closing ---------------------------------------------------------------

    def is_closing(self) -> bool:
        """Return True if the connection is closed or about to be."""
        return self._closed or self._ssl_protocol._is_transport_closing()

    def close(self) -> None:
        """Close once all is sent and the peer has agreed, or the shutdown took too long."""
        if not self._closed:
            self._closed = True
            self._ssl_protocol._start_shutdown()

    def abort(self) -> None:
        """Close at once; what is not sent is lost."""
        self._force_close(None)

    def _force_close(self, exc: BaseException | None) -> None:
        self._closed = True
        self._ssl_protocol._abort(exc)

    # -- reading ---------------------------------------------------------------

    def is_reading(self) -> bool:
        """Return True unless reading is paused."""
        return not self._ssl_protocol._app_reading_paused

    def pause_reading(self) -> None:
        """Give the protocol no data until `resume_reading`."""
        self._ssl_protocol._pause_reading()

    def resume_reading(self) -> None:
        """Give the protocol data again, beginning in the next iteration of the loop."""
        self._ssl_protocol._resume_reading()

    def set_read_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Pause the transport below when *high* bytes wait here, until *low* are left.

        Raises ValueError unless high >= low >= 0.
        """
        self._ssl_protocol._set_read_buffer_limits(high, low)
        self._ssl_protocol._control_ssl_reading()

    def get_read_buffer_limits(self) -> tuple[int, int]:
        """Return the low and the high mark, in bytes."""
        protocol = self._ssl_protocol
        return protocol._incoming_low_water, protocol._incoming_high_water

    def get_read_buffer_size(self) -> int:
        """Return how many bytes wait to be decrypted."""
        return self._ssl_protocol._incoming.pending  # type: ignore[no-any-return]

    # -- writing ---------------------------------------------------------------

    def write(self, data: Any) -> None:
        """Send *data* (bytes-like); what cannot be sent now is buffered.

        Raises TypeError for anything else.
        """
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"data: expecting a bytes-like instance, got {type(data).__name__}")
        if data:
            self._ssl_protocol._write_appdata((data,))

    def writelines(self, list_of_data: Iterable[Any]) -> None:
        """Send every one of *list_of_data*."""
        self._ssl_protocol._write_appdata(list_of_data)

    def write_eof(self) -> None:
        """Raise NotImplementedError: TLS cannot be closed on one side only."""
        raise NotImplementedError

    def can_write_eof(self) -> bool:
        """Return False."""
        return False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Pause the protocol's writing when *high* bytes wait here, until *low* are left.

        Raises ValueError unless high >= low >= 0.
        """
        self._ssl_protocol._set_write_buffer_limits(high, low)
        self._ssl_protocol._control_app_writing()

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return the low and the high mark, in bytes."""
        protocol = self._ssl_protocol
        return protocol._outgoing_low_water, protocol._outgoing_high_water

    def get_write_buffer_size(self) -> int:
        """Return how many bytes wait to be encrypted or sent."""
        return self._ssl_protocol._get_write_buffer_size()  # type: ignore[no-any-return]

    @property
    def _protocol_paused(self) -> bool:
        """Whether the protocol's writing is paused: sending a file takes that over."""
        return self._ssl_protocol._app_writing_paused  # type: ignore[no-any-return]

    def _test__append_write_backlog(self, data: bytes) -> None:
        """Put *data* behind what waits to be encrypted (asyncio's name: its tests fill it so)."""
        self._ssl_protocol._write_backlog.append(data)
        self._ssl_protocol._write_buffer_size += len(data)
