"""The server of the live view: one page, its events and its pictures, by name, on loopback unless told otherwise.

Nothing else is served, nothing is written, nothing is kept by the browser. Whoever asks by another name than the
server's (DNS rebinding), from another site's page, or without the token where there is one, gets nothing.
"""

from __future__ import annotations

import json
import re
import secrets
import socket
import sys
import threading
import time
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from socketserver import TCPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from lorabuild.core.errors import ProjectError
from lorabuild.core.journal import Tail
from lorabuild.core.trouble import reason
from lorabuild.graph.live import Live, ready
from lorabuild.graph.order import LAST

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOPBACK, PORT = "127.0.0.1", 8642
POLL, PING = 0.25, 15.0  # seconds between two looks at the journal, and between two signs of life
MOST = 32  # pages that may listen at a time
LINKS = 2 * MOST  # connections at a time
ASKING, READING = 10.0, 300.0  # seconds in which to say what one wants, and to take it
PIECE = 1 << 16
PICTURE = re.compile(r"picture/([0-9a-f]{64})")
CLOSED = "default-src 'none'; frame-ancestors 'none'"
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def loopback(host: str) -> bool:
    """Whether a name or address is this machine's own, and reached by nobody else."""
    with suppress(ValueError):
        return ip_address(host.strip("[]")).is_loopback
    return host == "localhost"


class Server(ThreadingHTTPServer):
    """Answers each request in a thread of its own. Raises OSError where the address can't be had.

    Who takes too long is hung up on, and so is who comes while ``LINKS`` others are here: threads are bounded.
    """

    daemon_threads, request_queue_size = True, MOST
    allow_reuse_address = sys.platform != "win32"  # there it would let another program take the port

    def __init__(self, live: Live, host: str, port: int) -> None:
        self.live, self.host = live, host
        self.prefix = "/" if loopback(host) else f"/{secrets.token_urlsafe(24)}/"
        self.ending, self.seats = threading.Event(), threading.BoundedSemaphore(MOST)
        self.making = threading.Lock()  # pages are put together one at a time
        self.until: dict[Any, float] = {}  # connection → when it is hung up on
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Answer)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer, unless too many are here."""
        if len(self.until) >= LINKS:
            self.shutdown_request(request)
            return
        self.until[request] = time.monotonic() + ASKING
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """It is over."""
        self.until.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Hang up on who takes too long; called twice a second."""
        now = time.monotonic()
        for request, end in [*self.until.items()]:
            if end < now:
                with suppress(OSError):
                    request.shutdown(socket.SHUT_RDWR)

    def server_bind(self) -> None:
        """Bind without asking any name server who we are."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.host, self.server_address[1]

    @property
    def address(self) -> str:
        """Where the page is."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        if name in ("0.0.0.0", "[::]"):  # noqa: S104 – every network of this machine, which the person has asked for
            name = socket.gethostname()
        return f"http://{name}:{self.server_port}{self.prefix}"

    def known_as(self, host: str) -> bool:
        """Whether a Host header names this server. A name that was made to point here does not; an address can't be."""
        try:
            asked = urlsplit(f"//{host}")
            name, port = asked.hostname or "", asked.port or 80
        except ValueError:
            return False
        if port != self.server_port or asked.username is not None or asked.netloc != host:
            return False
        if loopback(self.host):
            return loopback(name)
        own = {"localhost", self.host.lower(), socket.gethostname().lower()}
        return name in own or _is_address(name)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader that has gone away is nobody's trouble."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def _is_address(name: str) -> bool:
    with suppress(ValueError):
        return bool(ip_address(name))
    return False


@contextmanager
def serving(live: Live, host: str = LOOPBACK, port: int | None = None) -> Iterator[Server]:
    """A server that listens in a thread, until the context ends.

    ``port``: None takes the usual one, or any that is free where another program has it. Raises ``ProjectError``.
    """
    server = _opened(live, host, port)
    thread = threading.Thread(target=server.serve_forever, name="live view", daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.ending.set()
        server.shutdown()
        server.server_close()


def _opened(live: Live, host: str, port: int | None) -> Server:
    try:
        return Server(live, host, PORT if port is None else port)
    except (OSError, OverflowError) as error:
        if port is None:
            with suppress(OSError):
                return Server(live, host, 0)
        why = reason(error) if isinstance(error, OSError) else "ports go from 0 to 65535"
        raise ProjectError(
            f"the live view can't be served at {host}, port {PORT if port is None else port}: {why}",
            where="command line",
            next_step="choose another `--port` (0 takes any that is free), or a `--host` that this machine has",
        ) from error


class _Answer(BaseHTTPRequestHandler):
    """One request."""

    server: Server
    timeout = 30.0  # seconds for an asker, or a listener, who says or takes nothing at all

    def do_GET(self) -> None:
        """Answer with what was asked for."""
        self.server.until[self.request] = time.monotonic() + READING
        if refused := self._refused():
            self.send_error(refused)
            return
        name, _, query = self.path[len(self.server.prefix) :].partition("?")
        variant = parse_qs(query).get("variant", [""])[0]
        if variant not in self.server.live.projects():
            self.send_error(HTTPStatus.NOT_FOUND)
        elif name == "events":
            self._events(variant)
        elif name == "":
            with self.server.making:
                page, policy = self.server.live.page(variant)
            self._send(page, "text/html; charset=utf-8", policy)
        elif (asked := PICTURE.fullmatch(name)) and (data := self.server.live.picture(f"b3:{asked[1]}")):
            self._send(data, "image/png")
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def do_HEAD(self) -> None:
        """The same without what it is about."""
        self.do_GET()

    def _refused(self) -> HTTPStatus | None:
        """Why nothing of the request is looked at, or None."""
        asked, prefix = self.path.encode("latin-1", "replace"), self.server.prefix.encode()
        if len(self.headers.get_all("Host", ())) != 1 or not self.server.known_as(self.headers["Host"]):
            return HTTPStatus.MISDIRECTED_REQUEST
        if not secrets.compare_digest(asked[: len(prefix)], prefix):
            return HTTPStatus.NOT_FOUND
        site, mode = self.headers.get("Sec-Fetch-Site", "none"), self.headers.get("Sec-Fetch-Mode")
        return HTTPStatus.FORBIDDEN if site not in ("none", "same-origin") and mode != "navigate" else None

    def _send(self, data: bytes, media: str, policy: str = CLOSED, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(data)))
        self._close_headers(policy)
        if self.command != "HEAD":
            for start in range(0, len(data), PIECE):  # each within the timeout
                self.wfile.write(data[start : start + PIECE])

    def _close_headers(self, policy: str = CLOSED) -> None:
        for name, value in {**HEADERS, "Content-Security-Policy": policy}.items():
            self.send_header(name, value)
        self.end_headers()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Say only which error it is: nothing of the request comes back. A method that is not known is not allowed."""
        del message, explain
        status = HTTPStatus(HTTPStatus.METHOD_NOT_ALLOWED if code == HTTPStatus.NOT_IMPLEMENTED else code)
        self._send(f"{status.value} {status.phrase}\n".encode(), "text/plain; charset=utf-8", status=status)

    def _events(self, variant: str) -> None:
        """All that the build under way has said, and whatever it says until one of the two goes away."""
        if not self.server.seats.acquire(blocking=False):
            self.send_error(HTTPStatus.SERVICE_UNAVAILABLE)
            return
        try:
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "text/event-stream; charset=utf-8")
            self._close_headers()
            if self.command != "HEAD":
                self.server.until[self.request] = float("inf")
                self._follow(variant)
        finally:
            self.server.seats.release()

    def _follow(self, variant: str) -> None:
        live, tail, held, quiet = self.server.live, Tail(self.server.live.folder), list[dict[str, Any]](), 0.0
        first = True
        while not self.server.ending.is_set():
            events = ready(live, tail(), held)
            said = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
            said += "event: now\ndata: {}\n\n" if first else ""  # from here on it is news
            if first or any(event.get("stage") == LAST and event["event"] == "stage_done" for event in events):
                said += f"event: report\ndata: {live.mark(variant)}\n\n"
            first, quiet = False, 0.0 if said else quiet + POLL
            if said or quiet >= PING:
                self.wfile.write((said or ":\n\n").encode())
                quiet = 0.0
            self.server.ending.wait(POLL)

    def version_string(self) -> str:
        """Not which Python this is."""
        return "lorabuild"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 – its name in the base class
        """Nothing: the token would stand in it."""
