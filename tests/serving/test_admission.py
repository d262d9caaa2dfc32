"""Who comes in, by plain definitions: which hosts are the server's own, which pages, and what counts as the token."""

from __future__ import annotations

import ipaddress
import socket
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_tui.serving import server
from lstm_tui.serving.admission import Admission, host_name, is_loopback

HERE = "192.0.2.7"
ADDRESSES = st.ip_addresses().map(str)


@pytest.mark.parametrize("port", ["", ":8000", ":1"])
@pytest.mark.parametrize(
    ("host", "name", "own"),
    [
        ("127.0.0.1", "localhost", True),
        ("127.0.0.1", "LocalHost", True),
        ("127.0.0.1", "localhost.", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.9.9.9", True),
        ("127.0.0.1", "[::1]", True),
        ("127.0.0.1", "[::ffff:127.0.0.1]", True),
        ("127.0.0.1", "elsewhere.example", False),
        ("127.0.0.1", "localhost.elsewhere.example", False),
        ("127.0.0.1", "127.0.0.1.elsewhere.example", False),
        ("127.0.0.1", "198.51.100.1", False),
        ("127.0.0.1", "also.example", True),
        ("0.0.0.0", HERE, True),  # the address that was reached
        ("0.0.0.0", "198.51.100.1", False),
        ("0.0.0.0", socket.gethostname(), True),
        ("0.0.0.0", "elsewhere.example", False),
        ("::", "[2001:db8::1]", False),
        ("class.example", "class.example", True),
        ("class.example", "localhost", True),
        ("class.example", "other.example", False),
    ],
)
def test_its_own_hosts(host: str, name: str, own: bool, port: str) -> None:
    assert Admission(host, ("also.example",)).is_own_host(name + port, HERE) == own


@pytest.mark.parametrize(
    "host",
    ["", " ", ":", ":80", "a b", "localhost:", "localhost:x", "localhost:123456", "[::1", "::1", "localhost@evil",
     "a/b", "localhost\x00", "löcalhost", "localhost,evil.example", "[localhost]", "[]"],
)  # fmt: skip
def test_what_is_no_host_is_nobody(host: str) -> None:
    assert not Admission("0.0.0.0").is_own_host(host, HERE)


@given(st.text(max_size=40), st.sampled_from(["127.0.0.1", "0.0.0.0", "::1", "class.example"]))
def test_no_other_name_is_its_own(name: str, host: str) -> None:
    here = socket.gethostname().lower()
    plain = (host_name(name) or "").lower()
    known = {"localhost", host, here, here.partition(".")[0], f"{here.partition('.')[0]}.local"}
    if plain not in known and not _is_address(plain):
        assert not Admission(host).is_own_host(name, HERE)


@given(ADDRESSES, ADDRESSES, ADDRESSES)
def test_an_address_is_its_own_where_it_was_reached_listens_or_is_loopback(
    bound: str, reached: str, asked: str
) -> None:
    own = asked in (bound, reached) or ipaddress.ip_address(asked).is_loopback
    mapped = any("::ffff:" in one for one in (bound, reached, asked))  # an IPv4 address written as IPv6
    for address, right in ((asked, own), (bound, True), (reached, True)):
        written = f"[{address}]" if ":" in address else address
        assert mapped or Admission(bound).is_own_host(written, reached) == right


@given(st.lists(st.text(max_size=30), max_size=3))
def test_only_the_token_is_the_token(offered: list[str]) -> None:
    admission = Admission("127.0.0.1")
    assert not admission.has_token(offered)
    assert admission.has_token([*offered, admission.token])
    assert not admission.has_token([*offered, admission.token[:-1], admission.token + "a", admission.token.swapcase()])


def test_every_server_has_a_token_and_a_cookie_of_its_own() -> None:
    many = [Admission("127.0.0.1") for _ in range(50)]
    assert len({one.token for one in many}) == len({one.cookie for one in many}) == 50
    assert all(len(one.token) >= 32 and one.token not in repr(one) + one.cookie for one in many)


@pytest.mark.parametrize(
    ("origins", "own"),
    [
        ([], True),
        (["http://localhost:80"], True),
        (["https://LOCALHOST:80"], True),
        (["http://localhost"], False),
        (["http://localhost:81"], False),
        (["null"], False),
        ([""], False),
        (["localhost:80"], False),
        (["file://localhost:80"], False),
        (["http://elsewhere.example"], False),
        (["http://localhost:80", "http://localhost:80"], False),
    ],
)
def test_its_own_pages(origins: list[str], own: bool) -> None:
    assert Admission("127.0.0.1").is_own_page(origins, "localhost:80") == own


def test_loopback() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost", "LOCALHOST")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.0.2.1", "class.example", "")))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    ("found", "address"),
    [(("127.0.0.1", 8000), "127.0.0.1"), (("::1", 8000, 0, 0), "::1"), ("/a.sock", None), (None, None)],
)
def test_the_address_that_was_reached_is_that_of_the_socket(found: Any, address: str | None) -> None:
    request: Any = SimpleNamespace(transport=SimpleNamespace(get_extra_info={"sockname": found}.get))
    assert server._reached(request) == address
    assert server._reached(SimpleNamespace(transport=None)) is None  # type: ignore[arg-type]
