"""One request to an endpoint: where it goes, under which name, and for how long at most."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from casework.streams.webhooks.sending import Sender
from tests.streams.webhooks.receiver import Message, Receiver, Reply, receiving

KEY = UUID(int=1)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def sender() -> Iterator[Sender]:
    sender = Sender(connect_seconds=2, answer_seconds=1, loopback=True)
    yield sender
    sender.close()


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context for ``hooks.example``, and a client's that trusts whoever certified it."""
    folder: Path = tmp_path_factory.mktemp("tls")
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return server, ssl.create_default_context(cafile=str(folder / "cert.pem"))


def test_a_message_is_taken_and_the_connection_kept(sender: Sender, receiver: Receiver):
    answers = [sender.post(KEY, receiver.url(), b'{"a":1}', {"webhook-id": "x"}) for _ in range(3)]

    assert [each.status for each in answers] == [204, 204, 204]
    assert receiver.taken[0].headers["webhook-id"] == "x"
    assert receiver.connections == 1


def test_a_redirect_is_not_followed(sender: Sender, receiver: Receiver):
    with receiving() as inside:
        receiver.behave = lambda message: Reply(307, {"Location": inside.url("/secret")})

        answer = sender.post(KEY, receiver.url(), b"{}", {})

        assert (answer.ok, answer.code) == (False, "status-307")
        assert inside.came == []


@pytest.mark.parametrize("path", ["/in", "//evil.example/in", "/@evil.example/"])
def test_whatever_the_path_is_the_message_goes_to_the_host(sender: Sender, receiver: Receiver, path: str):
    assert sender.post(KEY, receiver.url(path), b"{}", {}).status == 204
    assert receiver.taken[0].headers["host"] == f"127.0.0.1:{receiver.port}"


def test_without_the_setting_nothing_inside_is_connected_to(receiver: Receiver):
    asked = iter([["127.0.0.1"], ["10.0.0.1"], ["::1"]])
    sender = Sender(connect_seconds=1, answer_seconds=1, resolve=lambda host, port: next(asked))

    codes = {
        sender.post(KEY, url, b"{}", {}).code
        for url in (receiver.url(scheme="https"), *(["https://hooks.example/"] * 3), receiver.url())
    }

    sender.close()
    assert codes == {"target-refused", "target-url"}
    assert receiver.connections == 0


def test_a_name_that_changes_its_answer_changes_nothing(certified: tuple[ssl.SSLContext, ssl.SSLContext]):
    server, client = certified
    asked = iter([["127.0.0.1"], ["169.254.169.254"], ["10.0.0.1"]])
    with receiving(tls=server) as receiver:
        sender = Sender(
            connect_seconds=2, answer_seconds=2, loopback=True, tls=client, resolve=lambda host, port: next(asked)
        )
        url = f"https://hooks.example:{receiver.port}/in"

        first, second = (sender.post(KEY, url, b"{}", {}) for _ in range(2))
        sender.forget(KEY)
        third = sender.post(KEY, url, b"{}", {})

        sender.close()
        assert (first.status, second.status, third.code) == (204, 204, "target-refused")
        assert {each.headers["host"] for each in receiver.taken} == {f"hooks.example:{receiver.port}"}


def test_a_certificate_must_be_of_the_name(certified: tuple[ssl.SSLContext, ssl.SSLContext]):
    server, client = certified
    with receiving(tls=server) as receiver:
        sender = Sender(
            connect_seconds=2, answer_seconds=2, loopback=True, tls=client, resolve=lambda host, port: ["127.0.0.1"]
        )

        of_another = sender.post(KEY, f"https://others.example:{receiver.port}/in", b"{}", {})
        of_an_address = sender.post(UUID(int=2), f"https://127.0.0.1:{receiver.port}/in", b"{}", {})

        sender.close()
        assert (of_another.code, of_an_address.code) == ("tls", "tls")
        assert receiver.came == []


def test_an_endpoint_that_says_nothing_is_cut_off(sender: Sender, receiver: Receiver):
    held = Event()
    receiver.behave = lambda message: Reply(200) if held.wait(60) else Reply(500)

    answer = sender.post(KEY, receiver.url(), b"{}", {})

    held.set()
    assert answer.code == "timeout"


def test_an_endpoint_that_drips_is_cut_off(sender: Sender):
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip() -> None:
            client, _ = listening.accept()
            with client:
                try:
                    client.sendall(b"HTTP/1.1 200 OK\r\n")
                    while True:
                        client.sendall(b"X: y\r\n")
                        Event().wait(0.05)
                except OSError:
                    return

        thread = Thread(target=drip)
        thread.start()

        answer = sender.post(KEY, f"http://127.0.0.1:{listening.getsockname()[1]}/", b"{}", {})

        thread.join()
        assert answer.code == "timeout"


def test_of_a_long_answer_the_beginning_is_read(sender: Sender, receiver: Receiver):
    receiver.behave = lambda message: Reply(200, {"Content-Length": str(1 << 40)}, b"x" * (1 << 20))

    answer = sender.post(KEY, receiver.url(), b"{}", {})

    assert answer.ok
    assert len(answer.body) == 16 << 10


def test_nobody_there_is_an_answer_too(sender: Sender):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

    def nowhere(host: str, port: int) -> list[str]:
        raise OSError

    lost = Sender(connect_seconds=1, answer_seconds=1, resolve=nowhere)
    codes = (
        sender.post(KEY, f"http://127.0.0.1:{port}/", b"{}", {}).code,
        lost.post(KEY, "https://hooks.example/", b"{}", {}).code,
    )
    lost.close()
    assert codes == ("connection", "name-unknown")


def test_what_an_endpoint_answers_is_in_no_code(sender: Sender, receiver: Receiver):
    def tell(message: Message) -> Reply:
        return Reply(500, body="王芳".encode())

    receiver.behave = tell

    assert sender.post(KEY, receiver.url(), b"{}", {}).code == "status-500"
