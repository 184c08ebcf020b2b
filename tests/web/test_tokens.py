"""T1 to T5: forged tokens, wrong claims, tokens of another kind. Each is refused as if it were none."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey
from tests.web.forging import MISSING, SID, b64, claims, es256, header, hs, part, unsigned

from bookmeup.clients.service_tokens import ServiceTokens, key_id, keys_by_id
from bookmeup.domain.users import UserRole
from bookmeup.errors import Unauthenticated
from bookmeup.web.principal import principal_of
from bookmeup.web.tokens import (
    ACCESS,
    ISSUER,
    LONGEST,
    PAGE_SESSION,
    SERVICE,
    AccessClaims,
    Claims,
    Class,
    ServiceClaims,
    SessionClaims,
    kid_of,
    verify,
)

KID = "k1"
KEY = ECKey.generate_key("P-256")
PUBLIC: Mapping[str, ECKey | OctKey] = {KID: ECKey.import_key(KEY.as_dict(private=False))}
SERVICE_KEY = "a-service-key-of-more-than-32-bytes-xyz"
SERVICE_KEYS: Mapping[str, ECKey | OctKey] = keys_by_id([SERVICE_KEY])


def access(token: str) -> AccessClaims:
    return verify(token, ACCESS, AccessClaims, PUBLIC, [ISSUER])


def service(token: str) -> ServiceClaims:
    return verify(token, SERVICE, ServiceClaims, SERVICE_KEYS, ["logic"])


def page(token: str) -> SessionClaims:
    return verify(token, PAGE_SESSION, SessionClaims, PUBLIC, [ISSUER])


def good() -> str:
    return es256(KEY, header(KID), claims())


def test_a_token_that_holds_is_taken() -> None:
    who = principal_of(access(good()))
    assert (who.user_id, who.sid, who.role, who.name) == (1, SID, UserRole.CUSTOMER, "Ana")


def test_a_service_token_that_holds_is_taken() -> None:
    found = service(ServiceTokens("logic", [SERVICE_KEY]).issue(7, SID))
    assert (found.sub, found.sid) == ("7", SID)
    assert service(ServiceTokens("logic", [SERVICE_KEY]).issue(None, None)).sub is None


def without_signature(alg: object) -> Callable[[], str]:
    return lambda: unsigned(header(KID, alg=alg), claims())


def keyed(key: bytes, alg: str = "HS256", digest: str = "sha256") -> Callable[[], str]:
    return lambda: hs(key, header(KID, alg=alg), claims(), digest)


def headed(**more: object) -> Callable[[], str]:
    """A token whose signature is right and whose header is not."""
    whole = {name: value for name, value in (header(KID) | more).items() if value is not MISSING}
    return lambda: es256(KEY, whole, claims())


PEM = KEY.as_pem(private=False)
DER = KEY.as_der(private=False)
JWK = KEY.as_dict(private=False)
ATTACKER = ECKey.generate_key("P-256")
CANARY = "http://127.0.0.1:9/jwks.json"

ALGORITHMS: list[object] = ["none", "None", "NONE", "nOnE", "", None, 0, [], {}, ["ES256"]]
FORGED: dict[str, Callable[[], str]] = {
    # T1
    **{f"alg {alg}": without_signature(alg) for alg in ALGORITHMS},
    "alg none, keeps a signature": lambda: unsigned(header(KID, alg="none"), claims(), good().rsplit(".", 1)[1]),
    "no alg": headed(alg=MISSING),
    "ES256 without a signature": without_signature("ES256"),
    "ES256 with a signature of zeros": lambda: unsigned(header(KID), claims(), b64(bytes(64))),
    "ES256 with a signature in DER": lambda: unsigned(header(KID), claims(), b64(b"\x30\x06\x02\x01\x01\x02\x01\x01")),
    "two parts": lambda: good().rsplit(".", 1)[0],
    "four parts": lambda: good() + ".e30",
    "five parts": lambda: good() + ".e30.e30",
    "empty": lambda: "",
    "dots": lambda: "..",
    "JSON serialization": lambda: json.dumps({"payload": part(claims()), "protected": part(header(KID))}),
    "claims exchanged": lambda: ".".join([good().split(".")[0], part(claims(role="admin")), good().split(".")[2]]),
    "alg in another case": headed(alg="es256"),
    "another algorithm of the family": headed(alg="ES384"),
    "EdDSA": headed(alg="EdDSA"),
    # T2
    "HS256 with the public key as PEM": keyed(PEM),
    "HS256 with the public key as PEM, no line end": keyed(PEM.strip()),
    "HS256 with the public key as DER": keyed(DER),
    "HS256 with the public key as JSON": keyed(json.dumps(JWK).encode()),
    "HS256 with the public key as sorted JSON": keyed(json.dumps(JWK, sort_keys=True, separators=(",", ":")).encode()),
    "HS256 with x": keyed(str(JWK["x"]).encode()),
    "HS256 with nothing": keyed(b""),
    "HS384 with the public key as PEM": keyed(PEM, "HS384", "sha384"),
    "HS512 with the public key as PEM": keyed(PEM, "HS512", "sha512"),
    "says ES256, signed as HS256 with the PEM": keyed(PEM, "ES256"),
    # T3
    **{
        f"kid {kid!r:.30}": headed(kid=kid)
        for kid in (
            MISSING, "", None, 1, True, ["k1"], {"k1": 1}, "k2", "../../dev/null", "k1\x00", "k1/../k1",
            "k1' OR '1'='1", "k1; DROP TABLE users", "/dev/null", "K1", "k" * 65, "k1\n", "\uff4b1", CANARY, "$(id)",
        )
    },
    "jku": headed(jku=CANARY),
    "x5u": headed(x5u=CANARY),
    "jwk of another": lambda: es256(ATTACKER, header(KID, jwk=ATTACKER.as_dict(private=False)), claims()),
    "jwk of our own": headed(jwk=JWK),
    "x5c": headed(x5c=["MIIB"]),
    "crit unknown": headed(crit=["exp"], exp=1),
    "crit empty": headed(crit=[]),
    "crit b64": headed(crit=["b64"], b64=False),
    "zip": headed(zip="DEF"),
    "cty": headed(cty="JWT"),
    "typ JWT": headed(typ="JWT"),
    "typ in another case": headed(typ="AT+JWT"),
    "typ with a prefix": headed(typ="application/at+jwt"),
    "no typ": headed(typ=MISSING),
    "another's key, our kid": lambda: es256(ATTACKER, header(KID), claims()),
    "header is a list": lambda: es256(KEY, [1], claims()),
    "header is a text": lambda: es256(KEY, "ES256", claims()),
    "header is not JSON": lambda: es256(KEY, b"{", claims()),
    "header is not UTF-8": lambda: es256(KEY, b"\xff\xfe", claims()),
    "header is deep": lambda: es256(KEY, b"[" * 3000, claims()),
    "claims are a list": lambda: es256(KEY, header(KID), []),
    "claims are null": lambda: es256(KEY, header(KID), None),
    "claims are not JSON": lambda: es256(KEY, header(KID), b"}"),
    "claims are not UTF-8": lambda: es256(KEY, header(KID), b"\xff\xfe"),
    "claims are deep": lambda: es256(KEY, header(KID), b'{"a":' * 900 + b"1" + b"}" * 900),
    "digits": lambda: es256(KEY, header(KID), b'{"exp":' + b"9" * 5000 + b"}"),
    "too long": lambda: es256(KEY, header(KID), claims(name="x" * LONGEST)),
    "3 MB": lambda: "a" * 3_000_000,
    "not base64": lambda: "!!!.???.***",
    "not ASCII": lambda: "é" + good(),
}  # fmt: skip


def test_there_are_enough_forgeries() -> None:
    assert len(FORGED) >= 40


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED.keys())
def test_a_forged_token_is_refused(forged: Callable[[], str]) -> None:
    token, taken = forged(), []
    for _ in range(3):  # a refusal is not remembered as anything else
        began = time.perf_counter()
        with pytest.raises(Unauthenticated):
            access(token)
        taken.append(time.perf_counter() - began)
    assert min(taken) < 0.05


NOW = int(time.time())
WRONG: dict[str, list[object]] = {
    "iss": ["", "bookmeup", "bookmeup/auth/", "logic", 1, None, [ISSUER], {"a": 1}],
    "aud": ["", "db", "bookmeup/", ["bookmeup"], ["bookmeup", "db"], 1, None, PAGE_SESSION.audience],
    "exp": [NOW - 1, 0, -1, str(NOW + 60), None, True, [NOW + 60], NOW + 10**6, 10**300, NOW + 60.5, "never"],
    "nbf": [NOW + 3600, str(NOW), None, True, [], "now"],
    "iat": [NOW + 3600, NOW - 10**6, str(NOW), None, True, [], -(10**300)],
    "sub": ["", "0", "-1", "1.0", " 1", "1 ", "one", "\u0661", "1e3", "9" * 20, 1, None, True, ["1"],
            "1; DROP TABLE users", "1_0"],
    "sid": ["", "not a uuid", SID + "0", SID[:-1], 1, None, [SID], "' OR 1=1"],
    "jti": [1, None, [], {}],
    "name": [1, None, []],
    "email": [1, None, {}],
    "role": ["root", "", "ADMIN", 1, None, ["admin"], True],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param(name, value, id=f"{name}-{number}")
        for name, values in WRONG.items()
        for number, value in enumerate([MISSING, *values])
    ],
)
def test_a_claim_that_is_missing_or_wrong_is_refused(name: str, value: Any) -> None:
    token = es256(KEY, header(KID), claims(**{name: value}))
    with pytest.raises(Unauthenticated):
        access(token)


@pytest.mark.parametrize("life", [ACCESS.life + 1, 3600, 10**9])
def test_a_life_beyond_the_class_is_refused(life: int) -> None:
    now = int(time.time())
    with pytest.raises(Unauthenticated):
        access(es256(KEY, header(KID), claims(iat=now, exp=now + life)))


def test_a_token_from_the_future_is_refused() -> None:
    now = int(time.time())
    with pytest.raises(Unauthenticated):
        access(es256(KEY, header(KID), claims(iat=now + 60, nbf=now, exp=now + 120)))


@pytest.mark.parametrize("kid", ["", None, 1, ["k1"], "../k1", "k1\n", "k 1", "k" * 65, "\uff4b1", "k1'", "/dev/null"])
def test_a_kid_of_another_form_is_looked_up_nowhere(kid: object) -> None:
    with pytest.raises(Unauthenticated):
        kid_of(es256(KEY, header(kid), claims()))
    assert kid_of(good()) == KID


def test_a_service_token_lives_a_minute() -> None:
    now = int(time.time())
    kid = key_id(SERVICE_KEY)
    for iat, exp in [(now, now + 61), (now - 61, now - 1), (now - 30, now + 31), (now + 60, now + 61), (now, now)]:
        made = claims(SERVICE, "logic", iat=iat, nbf=iat, exp=exp)
        with pytest.raises(Unauthenticated):
            service(hs(SERVICE_KEY.encode(), header(kid, SERVICE), made))


@pytest.mark.parametrize("name", ["sub", "sid"])
@pytest.mark.parametrize("value", ["", "x", 1, "-1", "9" * 30, []], ids=str)
def test_a_service_token_names_a_user_or_nobody(name: str, value: Any) -> None:
    made = claims(SERVICE, "logic", **{name: value})
    with pytest.raises(Unauthenticated):
        service(hs(SERVICE_KEY.encode(), header(key_id(SERVICE_KEY), SERVICE), made))


KINDS: Mapping[str, tuple[Callable[[], str], Callable[[str], Claims]]] = {
    "access": (good, access),
    "page": (lambda: es256(KEY, header(KID, PAGE_SESSION), claims(PAGE_SESSION)), page),
    "service": (lambda: ServiceTokens("logic", [SERVICE_KEY]).issue(1, SID), service),
}


@pytest.mark.parametrize("made", KINDS)
@pytest.mark.parametrize("asked", KINDS)
def test_a_token_holds_for_its_own_kind_alone(made: str, asked: str) -> None:
    token, check = KINDS[made][0](), KINDS[asked][1]
    if made == asked:
        assert check(token).aud
    else:
        with pytest.raises(Unauthenticated):
            check(token)


@pytest.mark.parametrize("of", [ACCESS, PAGE_SESSION])
def test_typ_and_audience_are_each_enough_to_refuse(of: Class) -> None:
    """Neither defence leans on the other."""
    other = PAGE_SESSION if of is ACCESS else ACCESS
    check = access if of is ACCESS else page
    for token in (es256(KEY, header(KID, of), claims(other)), es256(KEY, header(KID, other), claims(of))):
        with pytest.raises(Unauthenticated):
            check(token)


def test_a_verifier_holds_to_its_algorithm_whatever_key_it_is_handed() -> None:
    secret = "shared" * 8
    oct_key = OctKey.import_key(secret.encode())
    for alg in ("HS256", "ES256"):
        with pytest.raises(Unauthenticated):
            verify(hs(secret.encode(), header(KID, alg=alg), claims()), ACCESS, AccessClaims, {KID: oct_key}, [ISSUER])
    with pytest.raises(Unauthenticated):
        verify(good(), ACCESS, AccessClaims, {KID: oct_key}, [ISSUER])


def test_a_public_key_cannot_become_a_secret() -> None:
    with pytest.raises(ValueError, match="Asymmetric"):
        OctKey.import_key(PEM)


def test_a_token_that_was_seen_ends_when_it_ends() -> None:
    now = int(time.time())
    token = es256(KEY, header(KID), claims(iat=now, nbf=now, exp=now + 900))
    assert access(token).sub == access(token).sub == "1"
    for seconds, holds in [(800, True), (899, True), (900, False), (10**6, False)]:
        with time_machine.travel(now + seconds, tick=False):
            if holds:
                assert access(token).sub == "1"
            else:
                with pytest.raises(Unauthenticated):
                    access(token)


def test_a_token_that_was_seen_ends_with_its_key() -> None:
    token = good()
    assert access(token).sub == "1"
    fakes: list[Mapping[str, ECKey | OctKey]] = [{}, {"k2": PUBLIC[KID]}, {KID: ATTACKER}]
    for keys in fakes:
        with pytest.raises(Unauthenticated):
            verify(token, ACCESS, AccessClaims, keys, [ISSUER])


def test_a_token_that_was_seen_is_of_its_kind_still() -> None:
    token = good()
    assert access(token).sub == "1"
    with pytest.raises(Unauthenticated):
        page(token)
    with pytest.raises(Unauthenticated):
        verify(token, ACCESS, AccessClaims, PUBLIC, ["somebody else"])
    head, body, signature = token.split(".")
    with pytest.raises(Unauthenticated):
        access(f"{head}.{part(claims(role='admin'))}.{signature}")
    with pytest.raises(Unauthenticated):
        access(f"{head}.{body}.{signature[:-4]}AAAA")


@settings(deadline=None)
@given(st.one_of(st.text(), st.binary().map(lambda raw: raw.decode("latin-1"))))
def test_no_text_is_more_than_refused(token: str) -> None:
    with pytest.raises(Unauthenticated):
        access(token)
    with pytest.raises(Unauthenticated):
        kid_of(token)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(claims())), json_values, min_size=1))
def test_no_signed_claims_are_more_than_refused(changed: Mapping[str, Any]) -> None:
    """What a verifier lets through, a principal can be made of."""
    token = es256(KEY, header(KID), claims(**changed))
    try:
        found = access(token)
    except Unauthenticated:
        return
    assert principal_of(found).user_id > 0
