"""Who gets what from the server, asked in plain bytes."""

import socket
import threading
import time

import light
import pytest

from lorabuild.core.digest import digest
from lorabuild.core.errors import ProjectError
from lorabuild.core.events import Event, silent
from lorabuild.core.journal import Journal
from lorabuild.graph import serve
from lorabuild.graph.live import Live

PICTURE = digest(b"picture").removeprefix("b3:")
NAMES = [
    *("evil.example:PORT", "127.0.0.1.evil.example:PORT", "10.0.0.1:PORT", "0.0.0.0:PORT", "localhost.:PORT"),
    *("localhost", "localhost:1", "localhost:x", "127.0.0.1:PORT:PORT", ":PORT"),
    *("me@localhost:PORT", "[::1:PORT", "/localhost:PORT", "-", "127.0.0.1:PORT/x", "127.0.0.1:PORT?evil.example"),
]
PATHS = (
    "/../lora.yaml /lora.yaml /%2e%2e/lora.yaml //etc/passwd /..%2flora.yaml /.lorabuild/state.db /events/ /picture/ "
    f"/picture/{PICTURE}/ /picture/../../lora.yaml /picture/{'A' * 64} /\\lora.yaml http://127.0.0.1/lora.yaml "
    f"file:///etc/passwd * /picture/{'0' * 64} /out/report.html /\udcff /?variant=nobody /?variant=../x /grid/a.html "
    "/events?variant=nobody /picture/..%2f..%2flora.yaml /%00 /.lorabuild/events.jsonl /index.html"
).split()


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The light project, planted to its end."""
    return light.finished(light.make(tmp_path_factory.mktemp("served") / "project"))


@pytest.fixture(scope="module")
def live(project):
    loaded = light.opened(project)
    return Live(lambda: loaded)


@pytest.fixture(scope="module")
def server(live):
    with serve.serving(live, port=0) as server:
        yield server


def ask(server, path="/", *, method="GET", host=None, headers=(), wait=False):
    """Status and headers (small letters), and the body, or as much of it as has come."""
    lines = [f"{method} {path} HTTP/1.1", *headers]
    lines.append(f"Host: {host or f'127.0.0.1:{server.server_port}'}")
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as link:
        link.sendall("\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape"))
        said = b""
        while (part := link.recv(1 << 16)) and not (wait and b"event: now" in said + part):
            said += part
        said += part
    head, _, body = said.decode("latin-1").partition("\r\n\r\n")
    return int(head.split()[1]), head.lower(), body


def test_the_page_is_kept_by_nobody_framed_by_nobody_and_runs_only_what_is_ours(server):
    status, head, body = ask(server)
    assert status == 200
    for line in (
        "cache-control: no-store",
        "x-content-type-options: nosniff",
        "referrer-policy: no-referrer",
        "cross-origin-resource-policy: same-origin",
        "cross-origin-opener-policy: same-origin",
        "content-security-policy: default-src 'none'; ",
        "server: lorabuild\r",
    ):
        assert line in head
    assert "access-control" not in head
    assert "python" not in head
    assert 'id="live"' in body


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]", "127.8.9.1"])
def test_loopback_has_several_names(server, name):
    assert ask(server, host=f"{name}:{server.server_port}")[0] == 200


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_was_made_to_point_here_is_told_nothing(server, name):
    status, head, body = ask(server, host=name.replace("PORT", str(server.server_port)))
    assert status == 421
    assert body == "421 Misdirected Request\n"
    assert "no-store" in head


def test_two_names_at_once_are_none_and_so_is_no_name(server):
    assert ask(server, headers=["Host: evil.example"])[0] == 421
    assert ask(server, host=" ")[0] == 421


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW", "do"])
def test_nothing_can_be_changed(server, method):
    status, head, body = ask(server, method=method)
    assert status == 405
    assert "access-control" not in head
    assert body == "405 Method Not Allowed\n"


def test_a_head_has_no_body(server):
    status, head, body = ask(server, method="HEAD")
    assert (status, body) == (200, "")
    assert "content-length: " in head
    assert ask(server, "/events", method="HEAD")[2] == ""
    assert ask(server, "/nothing", method="HEAD")[::2] == (404, "")


@pytest.mark.parametrize("path", PATHS)
def test_only_what_has_a_name_is_served(server, path):
    status, _, body = ask(server, path)
    assert status in (400, 404)
    assert body in ("404 Not Found\n", "400 Bad Request\n")


def test_another_sites_page_cannot_ask(server):
    foreign = "Sec-Fetch-Site: cross-site"
    assert ask(server, "/events", headers=[foreign, "Sec-Fetch-Mode: cors"])[0] == 403
    assert ask(server, "/", headers=[foreign])[0] == 403
    assert ask(server, "/", headers=["Sec-Fetch-Site: same-site"])[0] == 403
    assert ask(server, "/", headers=[foreign, "Sec-Fetch-Mode: navigate"])[0] == 200
    assert ask(server, "/", headers=["Sec-Fetch-Site: same-origin"])[0] == 200


def test_beyond_loopback_a_token_stands_before_every_path(live):
    with serve.serving(live, "0.0.0.0", 0) as server:
        assert server.address.endswith(server.prefix)
        assert len(server.prefix) > 30
        for path in ("/", "/events", server.prefix[:-2] + "/", server.prefix[:-1], server.prefix.lower().upper()):
            assert ask(server, path)[0] == 404
        assert ask(server, server.prefix)[0] == 200
        assert ask(server, server.prefix + "events", wait=True)[0] == 200
        assert ask(server, server.prefix, host=f"10.1.2.3:{server.server_port}")[0] == 200
        assert ask(server, server.prefix, host=f"{socket.gethostname()}:{server.server_port}")[0] == 200
        assert ask(server, server.prefix, host=f"evil.example:{server.server_port}")[0] == 421
    with serve.serving(live, "0.0.0.0", 0) as other:
        assert other.prefix != server.prefix


@pytest.mark.parametrize(
    ("host", "own"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("127.3.2.1", True)]
)
def test_what_is_loopback(host, own):
    assert serve.loopback(host) is own


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "localhost.evil.example", "", "127.1"])
def test_what_is_not(host):
    assert not serve.loopback(host)


def test_a_port_that_is_taken_is_told_and_the_usual_one_gives_way(live, server, monkeypatch):
    with pytest.raises(ProjectError, match=f"port {server.server_port}: address already in use"):
        serve.serving(live, port=server.server_port).__enter__()
    with pytest.raises(ProjectError, match="port 70000: ports go from 0 to 65535"):
        serve.serving(live, port=70000).__enter__()
    monkeypatch.setattr(serve, "PORT", server.server_port)
    with serve.serving(live) as second:
        assert ask(second)[0] == 200


def test_events_come_as_they_are_said_and_pictures_when_they_are_there(server, project):
    with Journal(project / ".lorabuild", silent, ("scan",)) as journal:
        assert ask(server, f"/picture/{PICTURE}")[0] == 404
        journal(Event("picture", "sample", {"picture": f"b3:{PICTURE}", "prompt": "</script>\n\ndata: x"}))
        journal(Event("picture", "sample", {"picture": f"b3:{'0' * 64}", "prompt": "not yet"}))
        status, head, body = ask(server, "/events", wait=True)
        assert status == 200
        assert "content-type: text/event-stream" in head
        assert body.count("\n\n") == 4
        assert "event: report\ndata: b3:" in body
        assert '"begun"' in body.partition("\n\n")[0]
        assert "not yet" not in body
        assert ask(server, f"/picture/{PICTURE}")[::2] == (200, "picture")


def test_no_more_than_so_many_listen(server, monkeypatch):
    monkeypatch.setattr(server, "seats", threading.BoundedSemaphore(1))
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as link:
        link.sendall(f"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{server.server_port}\r\n\r\n".encode())
        assert link.recv(15) == b"HTTP/1.0 200 OK"
        assert ask(server, "/events")[0] == 503
        assert ask(server)[0] == 200
    monkeypatch.setattr(serve, "PING", 0.0)
    end = time.monotonic() + 10
    while ask(server, "/events", wait=True)[0] == 503:
        assert time.monotonic() < end


def test_a_slow_asker_is_hung_up_on_and_threads_are_bounded(live, monkeypatch):
    monkeypatch.setattr(serve, "ASKING", 0.0)
    monkeypatch.setattr(serve, "LINKS", 2)
    with serve.serving(live, port=0) as server:
        place = ("127.0.0.1", server.server_port)
        with socket.create_connection(place, timeout=10) as slow, socket.create_connection(place, timeout=10) as too:
            slow.sendall(b"GET / HTTP/1.1\r\nHost:")
            too.sendall(b"G")
            with socket.create_connection(place, timeout=10) as third:
                assert third.recv(1) == b""
            assert (slow.recv(1), too.recv(1)) == (b"", b"")
        monkeypatch.setattr(serve, "ASKING", 10.0)
        end = time.monotonic() + 10
        while server.until:
            assert time.monotonic() < end
            time.sleep(0.01)
        assert ask(server)[0] == 200


def test_it_leaves_nothing_behind_in_the_project(server, project):
    before = sorted(project.rglob("*"))
    ask(server)
    ask(server, "/events", wait=True)
    assert sorted(project.rglob("*")) == before


def test_nothing_is_logged_for_the_token_would_stand_in_it(server, capsys):
    ask(server)
    ask(server, "/nothing")
    assert capsys.readouterr() == ("", "")
