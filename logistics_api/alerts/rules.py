"""/api/alerts/rules: rules are made, changed and removed. /api/alerts/trials: they are tried against the past.

Rules are read by the reader of the files, so what is wrong with one is said in the same words. A rule that is a file
is changed in its file alone. The worker of the pipeline evaluates rules, and tries them.
"""

import json
from typing import Annotated, Any
from uuid import UUID

from fastapi import Path, Request, Response

from logistics_api.alerts import queries
from logistics_api.alerts.rule_schemas import (
    NewRule,
    NewTrial,
    RuleChange,
    RuleWithVersions,
    Trial,
    WrittenRules,
)
from logistics_api.contracts.bodies import read_json
from logistics_api.database.pool import Database, Reader
from logistics_api.errors import LONGEST_FOUND, ParameterError, Problem, refused_parameters, too_many_pending
from logistics_api.http.changes import (
    CHANGES,
    VERSIONED,
    IfMatch,
    etag_of,
    json_body,
    requester,
    schema_of,
    uncached,
    version_in,
)
from logistics_api.http.context import context_of
from logistics_api.http.responses import FIGURE_PROBLEMS, Responses, problem_response
from logistics_api.http.routing import Router
from logistics_api.parameters.date_range import NoParameters
from logistics_core.alert_rules.built_in import BUILT_IN
from logistics_core.alert_rules.reading import rule_of_document
from logistics_core.alert_rules.subjects import check_subjects
from logistics_core.catalogue.contract_files import SUFFIX
from logistics_core.catalogue.contract_shapes import ShapeFault
from logistics_core.catalogue.contract_yaml import path_text
from logistics_core.database_contract.alerts import TrialState
from logistics_core.places.checks import check_storable

router = Router(tags=["alerts"])

RuleName = Annotated[
    str, Path(pattern="^[a-z][a-z0-9_]{0,39}$", description="Name of the rule", examples=["file_failed"])
]
TrialId = Annotated[UUID, Path(description="ID of a trial", examples=["0d2b2c5e-6f2d-4b6e-9a43-3a1f3a0f3f52"])]

UNKNOWN_RULE: Responses = {404: problem_response("There is no such rule")}
TAKEN: Responses = {409: problem_response("There is a rule of that name, or there are a thousand")}
NOT_CHANGED: Responses = {
    409: problem_response("It has been changed since it was read, or it is a file, which is changed there")
}
LOCATION = {"Location": {"description": "Address of the trial", "schema": {"type": "string"}}}


@router.get(
    "/api/alerts/rules", response_model=WrittenRules, responses=FIGURE_PROBLEMS, summary="All rules as they are written"
)
async def list_written_rules(_: NoParameters, database: Reader) -> Response:
    """Returns what each rule says. `/api/alerts` returns what each has found."""
    found = await database.fetch_value(queries.WRITTEN_RULES)
    return uncached({"rules": [_with_file(rule) for rule in found]})


@router.post(
    "/api/alerts/rules",
    status_code=201,
    response_model=RuleWithVersions,
    responses=CHANGES | TAKEN,
    openapi_extra=json_body(schema_of(NewRule)),
    summary="Make a rule",
)
async def add_rule(_: NoParameters, request: Request, database: Reader) -> Response:
    """Makes a rule, which a worker evaluates within seconds. With `enabled: false` in it, it is kept and not used."""
    body = await read_json(request, NewRule)
    _check(body.definition, body.name, request)
    parameters = {"name": body.name, **_written(body.definition, request)}
    (version,) = await database.write(queries.ADD_A_RULE, parameters)
    if version is None:
        known = await _find(database, body.name)
        detail = f"There is a rule {body.name} already: {_origin_words(known)}. Change it, or choose another name."
        raise Problem(409, "rule-exists", "Rule exists", detail)
    if version == 0:
        raise Problem(409, "too-many-rules", "Too many rules", "There are a thousand rules already. Remove one first.")
    rule = await _find(database, body.name)
    location = f"{context_of(request.scope).prefix}/api/alerts/rules/{body.name}"
    return uncached(rule, 201, {"Location": location, "ETag": etag_of(rule)})


@router.get(
    "/api/alerts/rules/{name}",
    response_model=RuleWithVersions,
    responses=FIGURE_PROBLEMS | UNKNOWN_RULE,
    summary="One rule as it is written",
)
async def read_rule(name: RuleName, _: NoParameters, database: Reader) -> Response:
    """Returns what a rule says, and said before. Its ETag is what a change names in If-Match."""
    rule = await _find(database, name)
    return uncached(rule, headers={"ETag": etag_of(rule)})


@router.put(
    "/api/alerts/rules/{name}",
    response_model=RuleWithVersions,
    responses=CHANGES | UNKNOWN_RULE | VERSIONED | NOT_CHANGED,
    openapi_extra=json_body(schema_of(RuleChange)),
    summary="Change a rule",
)
async def change_rule(
    name: RuleName, _: NoParameters, request: Request, database: Reader, if_match: IfMatch = None
) -> Response:
    """Replaces what a rule says, also one that is built in. `enabled: false` in it switches it off."""
    version = version_in(if_match)
    body = await read_json(request, RuleChange)
    _check(body.definition, name, request)
    parameters = {"name": name, "version": version, "origin": "api", **_written(body.definition, request)}
    (changed,) = await database.write(queries.CHANGE_A_RULE, parameters)
    rule = await _find(database, name)
    if changed is None:
        raise _not_changed(rule, version)
    return uncached(rule, headers={"ETag": etag_of(rule)})


@router.delete(
    "/api/alerts/rules/{name}",
    status_code=204,
    response_class=Response,
    responses=CHANGES | UNKNOWN_RULE | VERSIONED | NOT_CHANGED,
    summary="Remove a rule",
)
async def remove_rule(
    name: RuleName, _: NoParameters, request: Request, database: Reader, if_match: IfMatch = None
) -> Response:
    """Removes a rule that was made through the API. A built-in one that was changed is as it was before."""
    version = version_in(if_match)
    parameters = {"name": name, "version": version, "requested_by": requester(request)}
    known = await _find(database, name)
    if known["origin"] == "built-in":
        detail = f"The rule {name} is built in. Switch it off instead: change it with `enabled: false`."
        raise Problem(409, "rule-built-in", "Rule built in", detail)
    if name in BUILT_IN:
        parameters |= {"origin": "built-in", "definition": json.dumps(BUILT_IN[name])}
        (removed,) = await database.write(queries.CHANGE_A_RULE, parameters)
    else:
        (removed,) = await database.write(queries.REMOVE_A_RULE, parameters)
    if removed is None:
        raise _not_changed(await _find(database, name), version)
    return Response(status_code=204)


@router.post(
    "/api/alerts/trials",
    status_code=202,
    response_model=Trial,
    responses=CHANGES | {202: {"description": "The trial waits for a worker", "headers": LOCATION}},
    openapi_extra=json_body(schema_of(NewTrial)),
    summary="Try a rule against the past",
)
async def request_trial(_: NoParameters, request: Request, database: Reader) -> Response:
    """Asks on which days a rule would have fired. Nothing of it is in force, recorded or sent.

    A worker (`logistics work`) tries it as `logistics alerts try` does. The trial is kept for a day.
    """
    body = await read_json(request, NewTrial)
    _check(body.definition, body.name, request)
    parameters = {"name": body.name, "days": body.days, **_written(body.definition, request)}
    (trial_id,) = await database.write(queries.TRY_A_RULE, parameters)
    if trial_id is None:
        detail = (
            "A thousand trials wait for a worker, or ten thousand were made today. Does a worker run? `logistics up` "
            "or `logistics work` starts it. Try again when it has served them."
        )
        raise too_many_pending(detail)
    trial = await _find_trial(database, trial_id, request)
    return uncached(trial, 202, {"Location": trial["status_url"]})


@router.get(
    "/api/alerts/trials/{trial_id}",
    response_model=Trial,
    responses=FIGURE_PROBLEMS | {404: problem_response("There is no such trial")},
    summary="One trial of a rule",
)
async def read_trial(trial_id: TrialId, _: NoParameters, request: Request, database: Reader) -> Response:
    """Returns what a rule would have done, once it was tried. Until then, `Retry-After` says when to ask again."""
    trial = await _find_trial(database, trial_id, request)
    waits = trial["state"] in (TrialState.QUEUED, TrialState.RUNNING)
    return uncached(trial, headers={"Retry-After": "1"} if waits else None)


def _check(definition: dict[str, Any], name: str, request: Request) -> None:
    """Refuses a definition that declares no rule, or one that could not be evaluated.

    Raises:
        Problem: 422, with the key at fault.
    """
    try:
        check_storable(definition, ())
        rule = rule_of_document(definition, name)
        check_subjects(rule.watch, request.app.state.catalogue)
    except ShapeFault as error:
        place = path_text(error.path)
        fault = ParameterError(
            parameter=f"definition.{place}"[:LONGEST_FOUND] if place else "definition",
            location="body",
            expected=str(error),
            found=None,
        )
        raise refused_parameters([fault]) from error


def _written(definition: dict[str, Any], request: Request) -> dict[str, Any]:
    return {"definition": json.dumps(definition), "requested_by": requester(request)}


def _with_file(rule: dict[str, Any]) -> dict[str, Any]:
    return {**rule, "file": f"alerts/{rule['name']}{SUFFIX}" if rule["origin"] == "file" else None}


def _origin_words(rule: dict[str, Any]) -> str:
    if rule["origin"] == "file":
        return f"it is the file alerts/{rule['name']}{SUFFIX} in the data folder"
    return "it is built in" if rule["origin"] == "built-in" else f"{rule['changed_by']} has changed it last"


def _not_changed(rule: dict[str, Any], version: int) -> Problem:
    if rule["origin"] == "file":
        detail = f"The rule {rule['name']} is the file {rule['file']} in the data folder. Change it there."
        return Problem(409, "rule-is-a-file", "Rule is a file", detail)
    return Problem(
        409,
        "rule-changed",
        "Rule changed",
        f"The rule {rule['name']} has version {rule['version']} by now: {_origin_words(rule)}. The request is about "
        f"version {version}. Read it again, and repeat the change.",
        members={"version": rule["version"]},
    )


async def _find(database: Database, name: str) -> dict[str, Any]:
    rule: dict[str, Any] | None = await database.fetch_value(queries.ONE_WRITTEN_RULE, {"name": name})
    if rule is None:
        detail = f"There is no rule {name}. /api/alerts/rules lists all rules."
        raise Problem(404, "unknown-rule", "Unknown rule", detail)
    return _with_file(rule)


async def _find_trial(database: Database, trial_id: UUID, request: Request) -> dict[str, Any]:
    trial: dict[str, Any] | None = await database.fetch_value(queries.ONE_TRIAL, {"trial_id": trial_id})
    if trial is None:
        detail = f"There is no trial {trial_id}. Each is kept for a day; try the rule again."
        raise Problem(404, "unknown-trial", "Unknown trial", detail)
    return {**trial, "status_url": f"{context_of(request.scope).prefix}/api/alerts/trials/{trial_id}"}
