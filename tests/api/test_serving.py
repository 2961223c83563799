"""The API as it is really served."""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import redis

from casework.config import Settings
from casework.tokens import make_token
from casework.wake import Wake
from tests.api.conftest import arrival
from tests.api.serving import ended, environment_on, prepare, register, running, wiring_day


@pytest.fixture
def served(database_url: str, redis_url: str, tmp_path: Path) -> dict[str, str]:
    """The environment of a server on a free port."""
    return environment_on(database_url, redis_url, tmp_path)


def test_it_answers_wakes_the_workers_and_leaves_in_good_order(served: dict[str, str]):
    settings = Settings.from_env(served)
    prepare(settings)
    with redis.Redis.from_url(settings.redis_url or "") as listener, listener.pubsub() as hints:
        hints.subscribe(Wake(settings.redis_url or "").channel)
        assert hints.get_message(timeout=10) is not None
        with running(served) as program:
            status = register(settings)
            hint = hints.get_message(timeout=10)

            said = ended(program)

    assert status == 201
    assert hint is not None
    assert program.returncode == 0
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert [(line["route"], line["status"]) for line in lines if line.get("route")] == [("/v1/households", 201)]


def test_a_commit_that_no_drain_hears_of_asks_for_one(served: dict[str, str]):
    settings = Settings.from_env(served)
    prepare(settings)
    with running(served) as program, redis.Redis.from_url(settings.redis_url or "") as queue:
        for number in range(20):  # a hint may be lost: none may hold up a request
            register(settings, str(number))
            if queue.llen("rq:queue:drains"):
                break
        ended(program)
        assert queue.llen("rq:queue:drains") == 1


SECRET = b"Zqxwvmarker"
CHUNKED = b"POST /v1/households HTTP/1.1\r\nHost: x\r\n%sTransfer-Encoding: chunked\r\n\r\n"
REFUSED = {
    b"GET /" + SECRET + b" HTTP/9.9\r\n\r\n": 400,
    SECRET + b"\r\n\r\n": 400,
    b"GET /" + "王芳".encode() + b" HTTP/1.1\r\nHost: x\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: x\r\n" + SECRET + b" : 1\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: " + SECRET + b"\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: x\r\nExpect: " + SECRET + b"\r\n\r\n": 417,
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: " + SECRET + b"\r\n\r\n": 501,
    b"GET /" + SECRET + b"?" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n": 414,
    b"GET / HTTP/1.1\r\nHost: x\r\n" + SECRET + b": " + b"a" * 9000 + b"\r\n\r\n": 431,
    b"GET / HTTP/1.1\r\nHost: x\r\n" + SECRET + b": " + b"a" * 90_000: 431,
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n" + b"x" * 2_000_000: 413,
}


def test_what_the_server_refuses_itself_is_a_problem_and_nothing_of_it_is_repeated(served: dict[str, str]):
    settings = Settings.from_env(served)
    prepare(settings)
    bearer = f"Authorization: Bearer {make_token(settings, role='caseworker')}\r\nContent-Type: application/json\r\n"
    chunked = CHUNKED % bearer.encode()
    refused = {
        **REFUSED,
        chunked + SECRET + b"\r\n": 400,
        chunked + b"2\r\n{}" + SECRET + b"\r\n": 400,
        chunked + b"100000\r\n" + b" " * 0x100000 + b"\r\n1\r\n \r\n0\r\n\r\n": 413,
    }
    with running({**served, "CASEWORK_LOG_LEVEL": "debug"}) as program:
        answers = [(asked, status, sent(settings, asked)) for asked, status in refused.items()]
        said = ended(program)

    for asked, status, answer in answers:
        head, _, content = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 %d " % status), (asked[:80], head)
        assert b"Content-Type: application/problem+json" in head
        assert json.loads(content)["status"] == status
        assert SECRET not in answer
    assert "marker" not in said
    assert "王芳" not in said
    assert all(json.loads(line) for line in said.splitlines())


@pytest.mark.parametrize(
    "sent_so_far",
    [
        b"",
        b"GET /hea",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n",
        b"POST /v1/households HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
        CHUNKED % b"" + b"ff\r\n{",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ],
    ids=["nothing", "half a line", "half a head", "half a body", "half a chunk", "all, but no end"],
)
def test_clients_that_hold_connections_keep_nobody_else_waiting(served: dict[str, str], sent_so_far: bytes):
    settings = Settings.from_env(served)
    prepare(settings)
    with running(served) as program, ExitStack() as held:
        for _ in range(40):
            client = held.enter_context(connected(settings))
            client.sendall(sent_so_far)
        began = monotonic()
        answers = [sent(settings, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") for _ in range(5)]
        took = monotonic() - began
        held.close()
        ended(program)

    assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in answers)
    assert took < 5


def test_a_request_may_come_in_pieces_on_a_connection_that_is_kept(served: dict[str, str]):
    settings = Settings.from_env(served)
    prepare(settings)
    body = json.dumps({**arrival(), "arrived_on": wiring_day(settings)}).encode()
    head = (
        "POST /v1/households HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bearer {make_token(settings, role='caseworker')}\r\n"
        "Content-Type: application/json\r\nIdempotency-Key: k%d\r\n%s\r\n\r\n"
    )
    length = f"Content-Length: {len(body)}"
    with running(served) as program, connected(settings) as client:
        answers = client.makefile("rb")

        def answer() -> tuple[int, Any]:
            status, size = int(answers.readline().split()[1]), 0
            while (line := answers.readline().strip().lower()) != b"":
                name, _, value = line.partition(b":")
                size = int(value) if name == b"content-length" else size
            return status, json.loads(answers.read(size)) if size else None

        client.sendall((head % (1, length)).encode() + body[:50])
        client.sendall(body[50:])
        in_pieces = answer()
        client.sendall((head % (1, length + "\r\nExpect: 100-continue")).encode())
        told_to_go_on = answer()
        client.sendall(body)
        waited = answer()
        chunks = b"20\r\n" + body[:32] + b"\r\n%x;a=b\r\n" % (len(body) - 32) + body[32:] + b"\r\n0\r\n\r\n"
        client.sendall((head % (1, "Transfer-Encoding: chunked")).encode() + chunks[:60])
        client.sendall(chunks[60:])
        in_chunks = answer()
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 3 + b"GET /heal")
        pipelined = [answer() for _ in range(3)]
        client.sendall(b"thz HTTP/1.1\r\nHost: x\r\n\r\n")
        pipelined.append(answer())
        client.close()
        ended(program)

    assert in_pieces[0] == 201
    assert told_to_go_on == (100, None)
    assert waited == in_chunks == in_pieces
    assert [status for status, _ in pipelined] == [200] * 4


def connected(settings: Settings) -> socket.socket:
    return socket.create_connection(("127.0.0.1", settings.api_port), timeout=20)


def sent(settings: Settings, data: bytes) -> bytes:
    """What a server answers to some bytes until it closes."""
    with connected(settings) as client:
        client.sendall(data)
        return b"".join(iter(lambda: client.recv(1 << 16), b""))
