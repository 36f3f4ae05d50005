"""Who may ask the node for what."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowcount.workflow.access import (
    AccessRules,
    CallerRule,
    Claim,
    Service,
    certificate_name,
    certificate_names,
    plain_address,
)

TITLES = st.sampled_from(["SCANNER", "PACS", "THIEF"])
ADDRESSES = st.sampled_from(["10.1.2.3", "10.1.3.3", "192.0.2.1", "::1", "2001:db8::7", ""])
CERTIFICATES = st.frozensets(st.sampled_from(["cn:scanner", "cn:pacs", "dns:scanner.example.org"]))
SERVICES = st.frozensets(st.sampled_from(list(Service)))
NETWORKS = st.lists(
    st.sampled_from([ip_network("10.1.2.0/24"), ip_network("2001:db8::/32"), ip_network("0.0.0.0/0")]), max_size=2
).map(tuple)
RULES = st.builds(CallerRule, st.sampled_from(["SCANNER", "PACS", "*"]), NETWORKS, CERTIFICATES, SERVICES)
CLAIMS = st.builds(Claim, TITLES, ADDRESSES, CERTIFICATES)


@given(st.lists(RULES, min_size=1, max_size=4), CLAIMS)
def test_what_fitting_rules_allow_adds_up(rules: list[CallerRule], claim: Claim) -> None:
    """A caller may do what any rule that fits it allows, and nothing where none fits."""
    allowed = AccessRules(tuple(rules)).services_for(claim)
    fitting = [rule for rule in rules if rule.admits(claim)]
    assert allowed == (frozenset().union(*(rule.services for rule in fitting)) if fitting else None)


@given(RULES, CLAIMS)
def test_a_certificate_more_never_closes_a_door(rule: CallerRule, claim: Claim) -> None:
    """Who was admitted without a certificate is admitted with one, too; who is kept out of a network stays out."""
    shown = Claim(claim.ae_title, claim.address, claim.certificate | {"cn:more"})
    assert rule.admits(shown) == rule.admits(claim)


@given(st.lists(RULES, max_size=3), RULES, CLAIMS)
def test_one_rule_more_never_takes_away(rules: list[CallerRule], more: CallerRule, claim: Claim) -> None:
    """Rules only add, but for the first one: without any, everybody may do everything."""
    before = AccessRules(tuple(rules)).services_for(claim) if rules else None
    after = AccessRules((*rules, more)).services_for(claim)
    assert (before or frozenset()) <= (after or frozenset())


def test_without_rules_everybody_may_do_everything() -> None:
    """What the settings allow on loopback only."""
    assert AccessRules().services_for(Claim("ANY", "127.0.0.1")) == frozenset(Service)


@pytest.mark.parametrize(
    ("text", "address", "admitted"),
    [
        ("SCANNER", "192.0.2.1", True),
        ("SCANNER@10.0.0.7", "10.0.0.7", True),
        ("SCANNER@10.0.0.7", "10.0.0.8", False),
        ("SCANNER@10.0.0.0/24", "10.0.0.8", True),
        ("SCANNER@10.0.0.0/24", "10.0.1.8", False),
        ("SCANNER@10.0.0.0/24", "", False),
        ("SCANNER@[::1]", "::1", True),
        ("SCANNER@2001:db8::/32", "2001:db8::9", True),
        ("SCANNER@2001:db8::/32", "10.0.0.7", False),
        ("OTHER", "10.0.0.7", False),
    ],
)
def test_callers_are_read_as_people_write_them(text: str, address: str, *, admitted: bool) -> None:
    """A title alone, or a title and the address or network that it must come from."""
    assert CallerRule.parse(text).admits(Claim("SCANNER", address)) is admitted


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("CN:Scanner 1", "cn:scanner 1"),
        ("dns: Scanner.Example.ORG", "dns:scanner.example.org"),
        ("uri:https://a.example/x", "uri:https://a.example/x"),
        ("SHA256:" + ":".join(["AB"] * 32), "sha256:" + "ab" * 32),
    ],
)
def test_certificate_names_have_one_spelling(text: str, name: str) -> None:
    """However a name is written, it is compared in one form."""
    assert certificate_name(text) == name


@pytest.mark.parametrize("text", ["", "scanner", "cn:", "sha256:abcd", "sha1:" + "ab" * 20, "sha256:" + "zz" * 32])
def test_nonsense_is_no_certificate_name(text: str) -> None:
    """A rule that could never match is refused when it is read."""
    with pytest.raises(ValueError, match=r"write kind:value|64 hexadecimal"):
        certificate_name(text)


def test_every_name_of_a_certificate_counts() -> None:
    """Subject, alternative names and fingerprint of a checked certificate, and nothing of an unchecked one."""
    decoded = {
        "subject": ((("organizationName", "Clinic"),), (("commonName", "Scanner"),)),
        "subjectAltName": (("DNS", "scanner.example.org"), ("IP Address", "10.0.0.7")),
    }
    names = certificate_names(decoded, "AB" * 32)
    assert names == {"o:clinic", "cn:scanner", "dns:scanner.example.org", "ip:10.0.0.7", "sha256:" + "ab" * 32}
    assert certificate_names({}, "ab" * 32) == certificate_names(None, "") == frozenset()


def test_addresses_are_written_as_people_do() -> None:
    """An IPv4 caller on a socket for both families shows its IPv4 address."""
    assert [plain_address(text) for text in ("::ffff:10.0.0.5", "10.0.0.5", "fe80::1%eth0")] == [
        "10.0.0.5",
        "10.0.0.5",
        "fe80::1%eth0",
    ]
