"""Where webhooks may go: no form of an address, and no answer of a resolver, leads inside."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casework.errors import Invalid
from casework.streams.webhooks.target import Target, TargetRefused, may_reach, parse, pinned

INSIDE = (
    *("127.0.0.1", "127.255.0.3", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
    *("169.254.169.254", "100.64.0.1", "100.127.255.255", "198.18.0.1", "192.0.0.8", "192.0.2.1", "203.0.113.9"),
    *("192.88.99.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"),
    *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "fec0::1"),
    *("::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1"),
    *("2002:7f00:1::", "2002:808:808::1", "2001::1", "2001:0:7f00:1::", "2001:db8::1", "3fff::1", "100::1"),
    *("2a00::5efe:7f00:1", "2a00::200:5efe:7f00:1"),
    *("2130706433", "0x7f000001", "0177.0.0.1", "127.1", "127.0.0.01", "", "localhost", "8.8.8.8 "),
)
PUBLIC = ("8.8.8.8", "1.1.1.1", "223.5.5.5", "172.32.0.1", "100.128.0.1", "2400:3200::1", "2a00:1450:4001::64")

LOOPBACK_FORMS = (
    *("https://127.0.0.1/", "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://10.0.0.1/", "https://0.0.0.0/"),
    *("https://[fe80::1]/", "https://169.254.169.254/latest", "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/"),
)
NO_URLS = (
    *(
        "http://hooks.example/",
        "ftp://hooks.example/",
        "//hooks.example/",
        "hooks.example",
        "",
        "https://",
        "https:///x",
    ),
    *("https://user@hooks.example/", "https://user:word@hooks.example/", "https://hooks.example/?a=1"),
    *(
        "https://hooks.example/#x",
        "https://hooks.example/?",
        "https://hooks.example:0/",
        "https://hooks.example:99999/",
    ),
    *("https://2130706433/", "https://0x7f000001/", "https://0x7f.1/", "https://0177.0.0.1/", "https://127.1/"),
    *("https://017700000001/", "https://127.0.0.1.0x1/", "https://[::1%25lo]/", "https://[fe80::1%eth0]/"),
    *("https://hooks.example\\@127.0.0.1/", "https://hooks_example/", "https://-hooks.example/", "https://ho oks/"),
    *("https://hooks.example/\r\nHost: x", "https://hooks.example/\x00", "https://例え.example/", "https://a..b/"),
    *("https://①②⑦.0.0.1/", "https://hooks.example/" + "a" * 600, "https://[127.0.0.1]/x]", "https://::1/"),
)


@pytest.mark.parametrize("address", INSIDE)
def test_what_lies_inside_is_not_reached(address: str):
    assert not may_reach(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_everybodys_is(address: str):
    assert may_reach(address)


@pytest.mark.parametrize("url", NO_URLS)
def test_what_is_no_plain_url_is_no_target(url: str):
    with pytest.raises(Invalid) as refused:
        parse(url)

    assert refused.value.code == "target-url"


@pytest.mark.parametrize("url", LOOPBACK_FORMS)
def test_an_address_inside_is_refused_before_anything_is_connected_to(url: str):
    with pytest.raises(TargetRefused):
        pinned(parse(url), resolve=lambda host, port: pytest.fail("nothing is to be resolved"))


def test_a_url_is_taken_apart():
    assert parse("https://Hooks.Example.:8443/in") == Target("https", "hooks.example", 8443, "/in")
    assert parse("https://hooks.example").authority == "hooks.example"
    assert parse("https://[2400:3200::1]:444/x").authority == "[2400:3200::1]:444"


def test_loopback_and_http_are_opened_together_and_nothing_else_is():
    target = parse("http://127.0.0.1:8080/in", loopback=True)

    assert pinned(target, loopback=True).address == "127.0.0.1"
    for other in ("http://10.0.0.1/", "http://169.254.169.254/", "http://[fe80::1]/", "http://[::ffff:127.0.0.1]/"):
        with pytest.raises(TargetRefused):
            pinned(parse(other, loopback=True), loopback=True)


def test_a_name_that_stands_for_something_inside_among_others_is_refused():
    with pytest.raises(TargetRefused):
        pinned(parse("https://hooks.example/"), resolve=lambda host, port: ["8.8.8.8", "127.0.0.1"])


def test_a_name_that_stands_for_nothing_is_refused():
    with pytest.raises(TargetRefused):
        pinned(parse("https://hooks.example/"), resolve=lambda host, port: [])


def test_a_name_is_resolved_once():
    answers = iter([["8.8.8.8"], ["127.0.0.1"]])

    found = pinned(parse("https://hooks.example/"), resolve=lambda host, port: next(answers))

    assert found.address == "8.8.8.8"
    assert next(answers) == ["127.0.0.1"]


@settings(max_examples=500)
@given(st.ip_addresses(v=4))
def test_no_ipv4_address_is_reached_that_python_calls_private(ip: IPv4Address):
    if may_reach(str(ip)):
        assert not any((ip.is_private, ip.is_loopback, ip.is_link_local, ip.is_multicast, ip.is_reserved))


@settings(max_examples=500)
@given(st.ip_addresses(v=6))
def test_no_ipv6_address_is_reached_that_python_calls_private(ip: IPv6Address):
    if may_reach(str(ip)):
        assert ip in ip_network("2000::/3")
        assert not any((ip.is_private, ip.is_loopback, ip.is_link_local, ip.is_multicast, ip.is_reserved))
        assert not any((ip.ipv4_mapped, ip.sixtofour, ip.teredo))


@settings(max_examples=300)
@given(st.ip_addresses(v=4), st.sampled_from(["::ffff:{}", "::{}", "64:ff9b::{}", "2002:{:x}:{:x}::1"]))
def test_no_ipv4_address_is_reached_inside_another_form(ip: IPv4Address, form: str):
    text = form.format(int(ip) >> 16, int(ip) & 0xFFFF) if "x}" in form else form.format(ip)

    assert not may_reach(text)


@settings(max_examples=500)
@given(st.one_of(st.text(max_size=30), st.from_regex(r"[0-9a-fx.:\[\]%@]{1,30}", fullmatch=True)))
def test_whatever_is_taken_as_a_host_is_a_name_or_one_public_address(text: str):
    try:
        target = parse(f"https://{text}/")
    except Invalid:
        return
    try:
        address = pinned(target, resolve=lambda host, port: ["8.8.8.8"]).address
    except TargetRefused:
        return

    assert may_reach(address)
    if address != "8.8.8.8":
        assert address == target.host or IPv6Address(address) == IPv6Address(target.host)
    elif target.host != "8.8.8.8":
        with pytest.raises(OSError, match="illegal"):
            socket.inet_aton(target.host)  # what the system itself would take as an address
