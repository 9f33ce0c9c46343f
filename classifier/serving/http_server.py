"""The HTTP server of the page: waitress, with limits on slow clients.

Waitress collects a request, in a temporary file if it is large, before a thread answers it, so a
slow client takes no thread.
"""

import contextlib
import ipaddress
import logging
import socket
import time
from typing import Any

from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask
from waitress.utilities import BadRequest, RequestEntityTooLarge
from waitress.wasyncore import loop

from classifier.serving.observer import Observer

SPARE_THREADS = 8  # for requests without images
CONNECTIONS = 200  # more wait in the system's queue; macOS allows a process 256 open files
MIN_RATE = 100_000  # bytes per second that a client must send, on average
GRACE = 20.0  # seconds, in addition
FINISH = 20.0  # seconds in which requests under way are answered after a signal to stop
RECEIVE = 2**16  # bytes at once


class RequestTimeout(BadRequest):  # type: ignore[misc]
    """The answer to a request that does not end."""

    code = 408
    reason = "Request Timeout"


class Refusal(ErrorTask):  # type: ignore[misc]
    """Answers a request that does not reach the application."""

    def execute(self) -> None:
        """Writes the answer."""
        error = self.request.error
        too_large = error.code == RequestEntityTooLarge.code
        body = (self.channel.server.too_large if too_large else error.body).encode()
        method, path = getattr(self.request, "command", "?"), getattr(self.request, "path", "?")
        self.channel.server.observer.request(
            self.channel.addr[0], str(method or "?"), str(path or "?"), error.code, 0
        )
        self.status = f"{error.code} {error.reason}"
        self.response_headers.append(("Content-Type", "text/plain; charset=utf-8"))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class Channel(HTTPChannel):  # type: ignore[misc]
    """A connection, which gets an answer also if its request is too slow or ends early.

    After the last answer, what the client still sends is read and dropped: closing at once would
    make its system drop the answer.
    """

    error_task_class = Refusal
    request: Any  # that arrives
    will_close: bool
    close_when_flushed: bool
    _dropping = False
    _started = 0.0  # when the request began
    _received = 0  # bytes of it

    def received(self, data: bytes) -> None:
        """Handles bytes of a request."""
        if self.request is None:
            self._started, self._received = time.time(), 0
        super().received(data)

    def handle_read(self) -> None:
        """Reads what has arrived."""
        try:
            data = self.socket.recv(RECEIVE)
        except BlockingIOError:
            return
        except OSError:
            self.handle_close()
            return
        self.last_activity = time.time()
        if data and not self._dropping:
            self.received(data)
        elif self.request is not None and not data:
            self._refuse(BadRequest("the request ends before its Content-Length"))
        elif not data:
            self.handle_close()
        self._received += len(data)

    def handle_write(self) -> None:
        """Sends what is to be sent; after the last answer, starts to drop what arrives."""
        if not self.close_when_flushed or self.will_close:
            super().handle_write()
            return
        self._flush_exception(self._flush_some)
        if self.connected and not self.total_outbufs_len:
            self.close_when_flushed, self._dropping = False, True
            self._started, self._received = time.time(), 0
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)

    def check_time(self, now: float) -> None:
        """Ends the connection if the client is too slow; an answer takes its own time."""
        idle = now > self.last_activity + GRACE
        slow = now > self._started + GRACE + self._received / MIN_RATE
        if self.requests or not (idle or slow):
            return
        if self.request is not None:
            self._refuse(RequestTimeout("the request took too long to arrive"))
        elif idle or self._dropping:
            self.will_close = True

    def _refuse(self, error: BadRequest) -> None:
        with self.requests_lock:
            request, self.request = self.request, None
            request.path = getattr(request, "path", "")  # for the log; half a header has none
            request.error = error
            self.requests.append(request)
        self.server.add_task(self)


class Server(TcpWSGIServer):  # type: ignore[misc]
    """A server on a socket that listens.

    Args:
        app: WSGI application.
        listener: the socket.
        max_body: bytes of a request.
        too_large: answer to a larger one.
        observer: of the requests that do not reach the application.
        requests: that the application works on, or lets wait.
    """

    channel_class = Channel

    def __init__(
        self,
        app: Any,
        listener: socket.socket,
        max_body: int,
        too_large: str,
        observer: Observer,
        requests: int,
    ) -> None:
        self.too_large, self.observer = too_large, observer
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        super().__init__(
            app,
            _sock=listener,
            bind_socket=False,
            threads=requests + SPARE_THREADS,
            connection_limit=max(CONNECTIONS, requests + SPARE_THREADS),
            cleanup_interval=1,
            max_request_body_size=max_body,
            log_socket_errors=False,
            ident=None,
        )

    def maintenance(self, now: float) -> None:
        """Is called every second."""
        for channel in list(self.active_channels.values()):
            channel.check_time(now)

    def run(self) -> None:
        """Serves until an exception, such as Ctrl-C; requests that have arrived get their answer.

        A second exception ends it at once.
        """
        try:
            loop(timeout=1, map=self._map, use_poll=True)
        finally:
            self.del_channel()
            self.socket.close()
            end = time.monotonic() + FINISH
            while self._is_busy() and time.monotonic() < end:
                loop(timeout=0.1, map=self._map, use_poll=True, count=1)
            logging.disable()  # of requests that are cut off

    def _is_busy(self) -> bool:
        """Tells whether requests are to be answered, or answers to be sent."""
        channels = list(self.active_channels.values())
        return any(channel.requests or channel.total_outbufs_len for channel in channels)


def listen(host: str, port: int) -> socket.socket:
    """Returns a socket that listens; `host` is an address or a name, of IPv4 or IPv6.

    Raises:
        OSError, ValueError: the host is not of this machine, or the port is taken.
    """
    infos = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    family, _, _, _, address = min(infos)  # IPv4 first
    both = address[0] == "::" and socket.has_dualstack_ipv6()
    return socket.create_server(address, family=family, dualstack_ipv6=both)


def url(listener: socket.socket) -> str:
    """Returns the address to open in a browser on this machine."""
    host, port = listener.getsockname()[:2]
    address = ipaddress.ip_address(host)
    if address.is_unspecified:
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_loopback(listener: socket.socket) -> bool:
    """Tells whether only this machine can connect."""
    return ipaddress.ip_address(listener.getsockname()[0]).is_loopback
