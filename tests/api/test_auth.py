"""Who may do what, as a table; and which tokens say who somebody is."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from flask import Flask

from api import auth
from api.bearer import Bearer, TokenRefused
from casework.config import Settings
from casework.errors import Unavailable
from casework.tokens import ROLES, make_signing_key, make_token
from tests.api.conftest import DeskOf, arrived
from tests.given import OTHER_COMMUNITY

# Columns: caseworker supervisor bureau service auditor selection panelist operator; x may, - may not.
MATRIX = """
POST /v1/households                                                              xx-x----
GET  /v1/households                                                              xxxxx---
POST /v1/households/search                                                       xxxx----
GET  /v1/households/{household}                                                  xxxxx---
GET  /v1/households/{household}/next-services                                    xxxxx---
GET  /v1/households/{household}/timeline                                         xxxxx---
POST /v1/households/{household}/moves                                            xx-x----
POST /v1/households/{household}/closings                                         xx-x----
POST /v1/households/{household}/residence-verifications                          xx-x----
POST /v1/households/{household}/head-changes                                     xx-x----
POST /v1/households/{household}/entries/{entry}/voids                            xx------
POST /v1/households/{household}/splits                                           xx-x----
POST /v1/households/{household}/merges                                           xx------
POST /v1/households/{household}/unmerges                                         xx------
POST /v1/households/{household}/reopenings                                       xx-x----
POST /v1/transfers                                                               xx------
GET  /v1/transfers                                                               xx--x---
GET  /v1/transfers/{transfer}                                                    xx--x---
POST /v1/transfers/{transfer}/acceptances                                        xx------
POST /v1/transfers/{transfer}/denials                                            xx------
POST /v1/households/{household}/members                                          xx-x----
POST /v1/households/{household}/births                                           xx-x----
POST /v1/households/{household}/members/{person}/departures                      xx-x----
POST /v1/households/{household}/members/{person}/deaths                          xx-x----
POST /v1/households/{household}/members/{person}/facts                           xx-x----
POST /v1/households/{household}/members/{person}/corrections                     xx-x----
POST /v1/households/{household}/members/{person}/id-number-releases              -x------
POST /v1/households/{household}/members/{person}/consents                        xx-x----
POST /v1/households/{household}/members/{person}/consents/{scope}/withdrawals    xx-x----
POST /v1/households/{household}/members/{person}/surveys                         xx-x----
POST /v1/households/{household}/members/{person}/erasure-requests                xx-x----
POST /v1/households/{household}/members/{person}/erasures                        -x------
GET  /v1/households/{household}/record                                           xx------
POST /v1/households/{household}/employments                                      xx-x----
POST /v1/households/{household}/employments/{employment}/endings                 xx-x----
POST /v1/households/{household}/needs                                            xxxx----
POST /v1/households/{household}/needs/{need}/clearings                           xxxx----
POST /v1/households/{household}/services                                         xxxx----
POST /v1/households/{household}/deliveries                                       xxxx----
POST /v1/households/{household}/services/{episode}/referrals                     xxxx----
POST /v1/households/{household}/services/{episode}/referrals/{referral}/answers  xxxx----
POST /v1/households/{household}/services/{episode}/grants                        xxxx----
POST /v1/households/{household}/services/{episode}/denials                       xxxx----
POST /v1/households/{household}/services/{episode}/starts                        xxxx----
POST /v1/households/{household}/services/{episode}/renewals                      xxxx----
POST /v1/households/{household}/services/{episode}/endings                       xxxx----
POST /v1/households/{household}/services/{episode}/corrections                   xxxx----
POST /v1/households/{household}/services/{episode}/voids                         xxxx----
GET  /v1/worklist                                                                xxx-x---
GET  /v1/worklist/counts                                                         xxx-x---
GET  /v1/units                                                                   xxxxxxxx
GET  /v1/units/{unit}                                                            xxxxxxxx
GET  /v1/units/{unit}/figures                                                    xxxxxxxx
GET  /v1/units/{unit}/history                                                    xxxxxxxx
GET  /v1/units/{unit}/missing-facts                                              xxxxxxxx
POST /v1/units                                                                   -x-----x
POST /v1/units/{unit}/places                                                     -x-----x
POST /v1/units/{unit}/splits                                                     -x-----x
POST /v1/units/{unit}/mergers                                                    -x-----x
POST /v1/units/{unit}/closings                                                   -x-----x
POST /v1/units/{unit}/entries/{entry}/voids                                      -x-----x
GET  /v1/duplicates                                                              -x------
PUT  /v1/duplicates/{person}/{person}                                            -x------
GET  /v1/jobs/{job}                                                              xxxxxxxx
DELETE /v1/jobs/{job}                                                            -x-xxx-x
POST /v1/imports                                                                 -x-x----
GET  /v1/imports                                                                 -x-x----
GET  /v1/imports/{import}                                                        -x-x----
GET  /v1/imports/{import}/errors                                                 -x-x----
GET  /v1/imports/{import}/result                                                 -x-x----
POST /v1/imports/{import}/commits                                                -x-x----
POST /v1/imports/{import}/undos                                                  -x-x----
DELETE /v1/imports/{import}                                                      -x-x----
GET  /v1/imports/templates/{kind}                                                -x-x----
POST /v1/exports                                                                 -x--x---
GET  /v1/exports/{export}                                                        -x--x---
GET  /v1/exports/{export}/content                                                -x--x---
DELETE /v1/exports/{export}                                                      -x--x---
POST /v1/units/{unit}/facts                                                      -xxx---x
POST /v1/units/{unit}/facts/{entry}/voids                                        -xxx---x
GET  /v1/feeds                                                                   xxxxxxxx
POST /v1/feeds/{bureau}/{area}/closings                                          --xx---x
GET  /v1/services                                                                xxxxxxxx
GET  /v1/services/{code}                                                         xxxxxxxx
GET  /v1/needs                                                                   xxxxxxxx
GET  /v1/codes                                                                   xxxxxxxx
GET  /v1/bureaus                                                                 xxxxxxxx
GET  /v1/unit-facts                                                              xxxxxxxx
GET  /v1/policies                                                                xxxxxxxx
GET  /v1/policies/{version}                                                      xxxxxxxx
POST /v1/policies/{version}/activations                                          -------x
POST /v1/grants                                                                  -------x
GET  /v1/grants                                                                  -xx-x--x
GET  /v1/grants/{name}                                                           -xx-x--x
POST /v1/grants/{name}/narrowings                                                -------x
POST /v1/grants/{name}/revocations                                               -------x
POST /v1/subscriptions                                                           --xx----
GET  /v1/subscriptions                                                           --xxx--x
GET  /v1/subscriptions/{subscription}                                            --xxx--x
DELETE /v1/subscriptions/{subscription}                                          --xx---x
POST /v1/subscriptions/{subscription}/acknowledgements                           --xx----
GET  /v1/subscriptions/{subscription}/events                                     --xx----
GET  /v1/subscriptions/{subscription}/stream                                     --xx----
GET  /v1/rounds                                                                  xxxxxxxx
POST /v1/rounds                                                                  -----x--
GET  /v1/rounds/{year}                                                           xxxxxxxx
GET  /v1/rounds/{year}/nominations                                               --x-xxx-
POST /v1/rounds/{year}/nominations                                               --x-----
GET  /v1/rounds/{year}/panel                                                     ----xx--
GET  /v1/rounds/{year}/report                                                    ----xx-x
POST /v1/rounds/{year}/panelists                                                 -----x--
POST /v1/rounds/{year}/freezes                                                   -----x--
POST /v1/rounds/{year}/rankings                                                  -----x--
POST /v1/rounds/{year}/what-ifs                                                  ----xx--
GET  /v1/rounds/{year}/what-ifs/{comparison}                                     ----xx--
POST /v1/rounds/{year}/appeals                                                   ----xx--
GET  /v1/rounds/{year}/appeals/{comparison}                                      ----xx--
GET  /v1/rounds/{year}/appeals/{comparison}/units/{unit}/events                  ----xx--
POST /v1/rounds/{year}/score-openings                                            -----x--
POST /v1/rounds/{year}/shortlists                                                -----x--
POST /v1/rounds/{year}/promotions                                                -----x--
POST /v1/rounds/{year}/finalisations                                             -----x--
POST /v1/rounds/{year}/commendations                                             --x-----
POST /v1/rounds/{year}/closings                                                  -----x--
POST /v1/rounds/{year}/cancellations                                             -----x--
GET  /v1/rounds/{year}/nominations/{nomination}                                  --x-xxx-
POST /v1/rounds/{year}/nominations/{nomination}/withdrawals                      --x-----
POST /v1/rounds/{year}/nominations/{nomination}/opinions                         --x--x--
POST /v1/rounds/{year}/nominations/{nomination}/eligibility-decisions            -----x--
POST /v1/rounds/{year}/nominations/{nomination}/vetoes                           --x--x--
POST /v1/rounds/{year}/nominations/{nomination}/vetoes/{veto}/liftings           --x--x--
POST /v1/rounds/{year}/nominations/{nomination}/recusals                         -----xx-
POST /v1/rounds/{year}/nominations/{nomination}/scores                           ------x-
POST /v1/rounds/{year}/nominations/{nomination}/site-visits                      -----xx-
POST /v1/rounds/{year}/nominations/{nomination}/objections                       xxxxxxxx
POST /v1/rounds/{year}/nominations/{nomination}/objections/{objection}/resolutions -----x--
POST /v1/rounds/{year}/nominations/{nomination}/removals                         -----x--
POST /v1/rounds/{year}/nominations/{nomination}/revocations                      --x-----
PUT  /v1/subscriptions/{subscription}/endpoint                                   --xx----
GET  /v1/subscriptions/{subscription}/endpoint                                   --xx---x
DELETE /v1/subscriptions/{subscription}/endpoint                                 --xx----
POST /v1/subscriptions/{subscription}/endpoint/secrets                           --xx----
POST /v1/subscriptions/{subscription}/endpoint/verifications                     --xx----
GET  /v1/subscriptions/{subscription}/deliveries                                 --xx---x
POST /v1/subscriptions/{subscription}/deliveries/{delivery}/redeliveries         --xx----
POST /v1/subscriptions/{subscription}/replays                                    --xx----
"""
ROWS = [line.split() for line in MATRIX.strip().splitlines()]
PUBLIC = {"/healthz", "/readyz", "/metrics", "/docs", "/docs/problems", "/", "/v1/openapi.json", "/v1/asyncapi.json"}
PUBLIC |= {"/v1/rounds/{}/list", "/v1/rounds/{}/list/report"}
PLACES = {
    "unit": "4101",
    "bureau": "HRSS",
    "area": "EMP",
    "code": "EDU-COMP",
    "version": "2013.1",
    "entry": "2",
    "scope": "survey",
    "kind": "services",
    "name": "edub-schools",
    "year": "2013",
}


def filled_in(path: str) -> str:
    for name in (
        "household",
        "person",
        "employment",
        "need",
        "episode",
        "referral",
        "job",
        "import",
        "export",
        "transfer",
        "nomination",
        "veto",
        "objection",
        "comparison",
        "subscription",
        "delivery",
    ):
        path = path.replace(f"{{{name}}}", str(uuid4()))
    return path.format(**PLACES)


@pytest.mark.parametrize(("method", "path", "marks"), ROWS, ids=[f"{method} {path}" for method, path, _ in ROWS])
def test_each_role_may_do_what_the_table_says(desk: DeskOf, method: str, path: str, marks: str):
    for role, mark in zip(ROLES, marks, strict=True):
        client = desk(role, bureau="HRSS")
        answer = client.ask(method, filled_in(path))
        assert (answer.status == 403) == (mark == "-"), (role, answer.text)
        assert answer.status != 401


def test_every_address_has_its_row(app: Flask):
    served = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    described = {(method, _rule(path)) for method, path, _ in ROWS} | {("GET", path) for path in PUBLIC}

    assert {(method, _plain(rule)) for method, rule in served} == described


def _rule(path: str) -> str:
    return "/".join("{}" if part.startswith("{") else part for part in path.split("/"))


def _plain(rule: str) -> str:
    return "/".join("{}" if part.startswith("<") else part for part in rule.split("/"))


@pytest.mark.parametrize(("method", "path", "marks"), ROWS, ids=[f"{method} {path}" for method, path, _ in ROWS])
def test_without_a_token_nothing_is_answered(desk: DeskOf, method: str, path: str, marks: str):
    client = desk(None)

    answer = client.ask(method, filled_in(path))

    assert (answer.status, answer.json["code"]) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_an_address_without_a_row_is_closed_to_everybody(desk: DeskOf, app: Flask, settings: Settings):
    principal = Bearer(settings).principal(f"Bearer {make_token(settings, role='operator')}")

    assert all(auth.acting_role(principal._replace(roles=(role,)), "households.burn") is None for role in ROLES)


class Signed:
    """Tokens signed as ours are, with claims of the test's choice."""

    def __init__(self, settings: Settings) -> None:
        file = make_signing_key(settings.keys_dir)
        self.key: Any = load_pem_private_key(file.read_bytes(), None)
        [jwk] = msgspec.json.decode((settings.keys_dir / "jwks.json").read_bytes())["keys"]
        self.kid = jwk["kid"]

    def token(self, *, key: Any = None, algorithm: str = "EdDSA", kid: str | None = None, **claims: Any) -> str:
        whole = {
            "iss": "casework",
            "aud": "casework",
            "sub": "somebody-1",
            "exp": time.time() + 600,
            "roles": ["caseworker"],
            "divisions": ["4101"],
        }
        told = {name: value for name, value in {**whole, **claims}.items() if value is not None}
        signing: Any = None if algorithm == "none" else key or self.key
        return jwt.encode(told, signing, algorithm, headers={"kid": kid or self.kid})


@pytest.fixture(scope="module")
def signed(settings: Settings) -> Signed:
    return Signed(settings)


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"exp": 1}, "token-expired"),
        ({"exp": None}, "token-invalid"),
        ({"iss": "somebody else"}, "token-invalid"),
        ({"aud": "another service"}, "token-invalid"),
        ({"sub": None}, "token-invalid"),
        ({"sub": "张三"}, "token-invalid"),
        ({"roles": "caseworker"}, "token-invalid"),
        ({"divisions": [4101]}, "token-invalid"),
        ({"bureau": "NOBODY"}, "token-invalid"),
        ({"unit": "../../etc"}, "token-invalid"),
        ({"kid": "another"}, "token-invalid"),
        ({"key": Ed25519PrivateKey.generate()}, "token-invalid"),
        ({"key": "x" * 40, "algorithm": "HS256"}, "token-invalid"),
        ({"algorithm": "none"}, "token-invalid"),
    ],
)
def test_a_token_that_is_not_quite_right_is_refused(settings: Settings, signed: Signed, claims: Any, code: str):
    with pytest.raises(TokenRefused) as refused:
        Bearer(settings).principal(f"Bearer {signed.token(**claims)}")

    assert refused.value.code == code


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Basic YTpi", "Bearer a.b.c", "Bearer \x00", "Bearer " + "x" * 9000]
)
def test_a_header_that_holds_no_token_is_refused(settings: Settings, header: str | None):
    with pytest.raises(TokenRefused):
        Bearer(settings).principal(header)


def test_a_token_that_was_seen_still_expires(settings: Settings, signed: Signed, monkeypatch: pytest.MonkeyPatch):
    bearer, header = Bearer(settings), f"Bearer {signed.token()}"
    assert bearer.principal(header).sub == "somebody-1"

    monkeypatch.setattr("api.bearer.time", lambda: time.time() + 3600)

    with pytest.raises(TokenRefused):
        bearer.principal(header)


def test_keys_that_are_away_are_a_reason_to_try_again(tmp_path: Path, signed: Signed):
    settings = Settings.from_env({"CASEWORK_JWKS": str(tmp_path / "nothing.json"), "CASEWORK_DATA_DIR": str(tmp_path)})

    with pytest.raises(Unavailable):
        Bearer(settings).principal(f"Bearer {signed.token()}")


def test_a_second_signing_key_is_never_made(settings: Settings):
    first = make_signing_key(settings.keys_dir).read_bytes()

    assert make_signing_key(settings.keys_dir).read_bytes() == first
    assert make_signing_key(settings.keys_dir).stat().st_mode & 0o077 == 0


def test_a_household_outside_the_divisions_is_not_there(desk: DeskOf):
    household = arrived(desk(), community=OTHER_COMMUNITY)
    elsewhere = desk(divisions=["410105"])

    for answer in (
        elsewhere.get(f"/v1/households/{household}"),
        elsewhere.get(f"/v1/households/{household}/timeline"),
        elsewhere.post(
            f"/v1/households/{household}/closings",
            {"closed_on": "2013-02-01", "reason": "dissolved"},
            If_Match='"1"',
        ),
    ):
        assert (answer.status, answer.json["code"]) == (404, "not-found")


def test_a_token_without_divisions_has_no_households(desk: DeskOf):
    answer = desk(divisions=[]).get("/v1/households")

    assert (answer.status, answer.json["code"]) == (403, "divisions-missing")


def test_an_auditor_without_divisions_sees_the_whole_city(desk: DeskOf):
    household = arrived(desk())

    assert desk("auditor", divisions=[]).get(f"/v1/households/{household}").status == 200


def test_a_bureau_must_be_named_by_its_token(desk: DeskOf):
    answer = desk("bureau").get("/v1/units")

    assert (answer.status, answer.json["code"]) == (403, "bureau-missing")
