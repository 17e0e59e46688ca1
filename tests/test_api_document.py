"""The OpenAPI document: true of the live server, by its examples and by schemathesis."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asking
import httpx
import pytest
import schemathesis
from asking import Api
from hypothesis import HealthCheck, given, reject, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS as ALL_CHECKS
from schemathesis.checks import load_all_checks
from schemathesis.core.result import Ok

import house
from house import UID
from rsvpd.web import api as http_api

DOCUMENT = http_api.openapi()
OPERATIONS = [(method, path) for path, methods in DOCUMENT["paths"].items() for method in methods]
load_all_checks()
CHECKS: Any = ALL_CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    ]
)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with asking.answering(house.app_of(url=f"sqlite:///{tmp_path}/rsvpd.db")) as api:
        yield api


def test_the_document_is_printed_and_served(api: Api) -> None:
    printed = house.run("openapi")
    assert (printed.code, printed.err) == (0, "")
    assert json.loads(printed.out) == DOCUMENT
    with api.with_token(None) as http:
        assert http.get("/openapi.json").json() == DOCUMENT


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_operation_is_told_in_words_with_its_errors(method: str, path: str) -> None:
    operation = DOCUMENT["paths"][path][method]
    assert operation["description"].endswith(".")
    assert operation["security"] == [{"HTTPBearer": []}]
    assert {"401", "403", "404", "422", "503"} <= operation["responses"].keys()
    body = operation.get("requestBody")
    if body is not None:
        assert examples(body["content"]["application/json"]["schema"])


def examples(schema: dict[str, Any]) -> list[Any]:
    """The examples of a body's schema, which may be optional."""
    for one in (schema, *schema.get("anyOf", ())):
        if "$ref" in one:
            found: list[Any] = DOCUMENT["components"]["schemas"][one["$ref"].rsplit("/", 1)[1]]["examples"]
            return found
    raise AssertionError(schema)


def test_every_example_of_a_body_is_taken_by_the_live_server(api: Api) -> None:
    tried: set[tuple[str, str]] = set()
    for method, path in OPERATIONS:
        operation = DOCUMENT["paths"][path][method]
        if "requestBody" not in operation or "/proposals" in path:
            continue
        uid = f"{len(tried)}@example.org"
        api.invite(uid)
        for example in examples(operation["requestBody"]["content"]["application/json"]["schema"]):
            there = path.removeprefix("/api/v1").replace("{uid}", uid)
            answer = api.http.request(method, there, json=example)
            assert answer.is_success, (method, path, answer.text)
            tried.add((method, path))
    assert len(tried) == 4


@pytest.mark.slow
@pytest.mark.timeout(420)
@pytest.mark.parametrize("mode", GenerationMode)
def test_whatever_is_asked_the_answer_is_as_documented(api: Api, mode: GenerationMode) -> None:
    for uid in (UID, "other@example.org"):
        api.invite(uid)
        api.answer(uid=uid)
    asked: list[int] = []
    for found in schemathesis.openapi.from_dict(DOCUMENT).get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        there: dict[str, Any] = {"path_parameters": {"uid": UID}} if "{uid}" in operation.path else {}
        for known in [{}, there] if there else [there]:

            @given(case=operation.as_strategy(generation_mode=mode, **known))
            @settings(max_examples=20, deadline=None, database=None, suppress_health_check=list(HealthCheck))
            def ask(case: schemathesis.Case[Any]) -> None:
                answer = sent(api.http, case.as_transport_kwargs(base_url=api.url))
                asked.append(answer.status_code)
                case.validate_response(answer, checks=CHECKS)

            ask()
    assert {200, 404, 422} <= set(asked)


def sent(http: httpx.Client, wanted: dict[str, Any]) -> httpx.Response:
    """What schemathesis would send with urllib3, in whose place caldav's urllib3-future stands."""
    headers = dict(wanted["headers"]) | {"Authorization": http.headers["authorization"]}
    content = {"json": wanted["json"]} if "json" in wanted else {"content": wanted.get("data")}
    try:
        return http.request(
            wanted["method"], wanted["url"], headers=headers, params=wanted["params"], **content
        )
    except (httpx.LocalProtocolError, UnicodeEncodeError):  # what cannot be sent at all
        reject()
