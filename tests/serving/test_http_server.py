"""The server with an application of a few lines, and clients that do not keep to the rules."""

import http.client
import socket
import threading
import time
from contextlib import closing

import pytest

pytest.importorskip("waitress")
from waitress import wasyncore

from classifier.serving import http_server
from classifier.serving.observer import Observer
from classifier.serving.request_metrics import RequestMetrics

MAX_BODY = 2_000_000


def application(environ, start_response):
    size = str(len(environ["wsgi.input"].read()))
    start_response("200 OK", [("Content-Length", str(len(size)))])
    return [size.encode()]


@pytest.fixture
def port(monkeypatch):
    monkeypatch.setattr(http_server, "GRACE", 0.5)
    with http_server.listen("127.0.0.1", 0) as listener:
        observer = Observer(RequestMetrics())
        server = http_server.Server(application, listener, MAX_BODY, "too large", observer, 4)
        server.adj.cleanup_interval = 0.1
        end = threading.Event()
        thread = threading.Thread(target=run, args=(server, end))
        thread.start()
        yield listener.getsockname()[1]
        end.set()
        thread.join()
        server.task_dispatcher.shutdown()


def run(server, end):
    while not end.is_set():
        wasyncore.loop(timeout=0.1, map=server._map, use_poll=True, count=1)
    wasyncore.close_all(server._map)


def send(port: int, *parts: bytes, pause: float = 0, finish: bool = False) -> bytes:
    """Sends parts of a request and returns the first line of the answer, and its text."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as client:
        for part in parts:
            client.sendall(part)
            time.sleep(pause)
        if finish:
            client.shutdown(socket.SHUT_WR)
        answer = http.client.HTTPResponse(client)
        answer.begin()
        return answer.status, answer.read().decode()


POST = b"POST / HTTP/1.1\r\nHost: a\r\n"


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ([POST + b"Content-Length: 5\r\n\r\n", b"12345"], 200),
        ([POST + b"Transfer-Encoding: chunked\r\n\r\n", b"5\r\n12345\r\n0\r\n\r\n"], 200),
        ([POST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n"], 400),
        ([POST + b"Transfer-Encoding: gzip\r\n\r\n"], 501),
        ([POST + b"Content-Length: -5\r\n\r\n"], 400),
        ([POST + b"Content-Length: 5, 6\r\n\r\n12345"], 400),
        ([b"nonsense\r\n\r\n"], 400),
        ([b"GET / HTTP/1.1\r\nno colon\r\n\r\n"], 400),
        ([b"GET / HTTP/1.1\r\nA: " + b"x" * 400_000 + b"\r\n\r\n"], 431),
        ([b"GET / HTTP/1.1\r\n" + b"A: x\r\n" * 100_000 + b"\r\n"], 431),
        ([POST], 408),
        ([POST + b"Content-Length: 10\r\n\r\n", b"12345"], 408),
        ([b"GET / HTTP/1.1"], 408),
        ([b"\x16\x03\x01\x02\x00\x01"], 408),  # TLS
    ],
)
def test_every_request_gets_its_answer(port, parts, status):
    assert send(port, *parts)[0] == status


def test_a_request_that_ends_early_is_told_so(port):
    parts = [POST + b"Content-Length: 10\r\n\r\n", b"12345"]
    answer = send(port, *parts, finish=True)
    assert answer == (400, "the request ends before its Content-Length")


def test_bytes_that_trickle_do_not_hold_a_connection(port):
    started = time.monotonic()
    assert send(port, POST, *[b"A"] * 8, pause=0.1)[0] == 408
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("kind", ["length", "chunked"])
def test_who_sends_too_much_still_reads_the_answer(port, kind):
    def body():
        for _ in range(300):
            yield bytes(100_000)

    headers = (
        {"Content-Length": "30000000"} if kind == "length" else {"Transfer-Encoding": "chunked"}
    )
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as client:
        client.request("POST", "/", body(), headers, encode_chunked=kind == "chunked")
        answer = client.getresponse()
        assert (answer.status, answer.read()) == (413, b"too large")


def test_slow_clients_do_not_hold_up_others(port):
    slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(50)]
    for client in slow:
        client.sendall(POST + b"Content-Length: 1000\r\n\r\n")
    started = time.monotonic()
    assert send(port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n") == (200, "0")
    assert time.monotonic() - started < 0.4
    for client in slow:
        client.close()


def test_an_idle_connection_is_closed(port):
    with closing(socket.create_connection(("127.0.0.1", port), timeout=5)) as client:
        assert client.recv(1) == b""


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:"),
        ("localhost", "http://127.0.0.1:"),
        ("0.0.0.0", "http://localhost:"),
        ("[::1]", "http://[::1]:"),
        ("::1", "http://[::1]:"),
        ("::", "http://localhost:"),
    ],
)
def test_addresses_of_both_families_can_be_listened_on(host, address):
    if ":" in host and not socket.has_ipv6:
        pytest.skip("no IPv6")
    with http_server.listen(host, 0) as listener:
        assert http_server.url(listener).startswith(address)
        assert http_server.is_loopback(listener) == (host not in ("0.0.0.0", "::"))
        with closing(socket.create_connection((host.strip("[]"), listener.getsockname()[1]))):
            pass
