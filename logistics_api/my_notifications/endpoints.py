"""/api/me: the notifications of the person who asks. There is no way to ask for those of another."""

import json
from hashlib import sha256
from typing import Annotated, Any
from zoneinfo import available_timezones

from fastapi import Depends, Path, Query, Request, Response

from logistics_api.contracts.bodies import read_json
from logistics_api.database.pool import Database, Reader
from logistics_api.errors import Problem, refused_parameter
from logistics_api.http.changes import (
    CHANGES,
    VERSIONED,
    IfMatch,
    etag_of,
    json_body,
    schema_of,
    uncached,
    version_in,
)
from logistics_api.http.responses import FIGURE_PROBLEMS, Responses, problem_response, versioned_response
from logistics_api.http.routing import Router
from logistics_api.my_notifications import queries
from logistics_api.my_notifications.schemas import (
    AddedPushSubscription,
    Inbox,
    Marked,
    Marks,
    MessagesParameters,
    MyNotifications,
    NewPushSubscription,
    Preferences,
    Tested,
    WantedTest,
)
from logistics_api.parameters import cursors
from logistics_api.parameters.date_range import NoParameters
from logistics_api.parameters.types import DIGITS
from logistics_core.languages.translating import language_of_locale, languages
from logistics_core.push_services import is_push_address

router = Router(tags=["my notifications"])

SubscriptionId = Annotated[int, Path(ge=1, le=2**63 - 1, description="Number of the browser", examples=[3]), DIGITS]
NOBODY: Responses = {404: problem_response("Nobody has signed in: only people have notifications of their own")}
RESTRICTION = (
    "You may see some rows only: you are told of alerts that are about these rows alone, and of no reports, which are "
    "about all rows."
)
TEST_MESSAGE = ("This is a test", "Somebody has tried out your notifications. Nothing has to be done.")


async def _person(request: Request) -> int:
    person_id: int | None = request.state.principal.person_id
    if person_id is None:
        raise Problem(
            404,
            "nobody-signed-in",
            "Nobody has signed in",
            "Only people who have signed in have notifications of their own. Without that, everybody reads the inbox "
            "that notifications.yaml declares: /api/notifications lists its messages.",
        )
    return person_id


PersonId = Annotated[int, Depends(_person)]


# -- what a person wants ---------------------------------------------------------------------------------------------


@router.get(
    "/api/me/notifications",
    response_model=MyNotifications,
    responses=FIGURE_PROBLEMS | NOBODY,
    summary="My notifications",
)
async def read_my_notifications(_: NoParameters, person: PersonId, database: Reader) -> Response:
    """Returns what the person wants to be told, where and when, and how the channels do. Its ETag is for changes."""
    found = await _find(database, person)
    return uncached(found, headers={"ETag": etag_of(found)})


@router.put(
    "/api/me/notifications",
    response_model=MyNotifications,
    responses=CHANGES | NOBODY | VERSIONED,
    openapi_extra=json_body(schema_of(Preferences)),
    summary="Change my notifications",
)
async def change_my_notifications(
    _: NoParameters, person: PersonId, request: Request, database: Reader, if_match: IfMatch = None
) -> Response:
    """Replaces what the person wants, for what happens from now on. What waits for a channel that is off ends."""
    version = version_in(if_match)
    body = await read_json(request, Preferences)
    if body.time_zone is not None and body.time_zone not in available_timezones():
        raise refused_parameter("time_zone", "the name of a time zone, such as Europe/Berlin", body.time_zone, "body")
    if body.language is not None and body.language not in languages():
        raise refused_parameter("language", f"one of {', '.join(languages())}", body.language, "body")
    quiet = body.quiet_hours
    parameters = {
        "person_id": person,
        "version": version,
        "time_zone": body.time_zone,
        "language": body.language,
        "quiet_from": None if quiet is None else quiet.from_,
        "quiet_until": None if quiet is None else quiet.until,
        "channels": json.dumps(body.channels.model_dump(mode="json", exclude_none=True)),
    }
    (changed,) = await database.write(queries.CHANGE, parameters)
    found = await _find(database, person)
    if changed is None:
        detail = (
            f"They have version {found['version']} by now; the request is about version {version}. Read them again."
        )
        raise Problem(409, "preferences-changed", "Preferences changed", detail, members={"version": found["version"]})
    return uncached(found, headers={"ETag": etag_of(found)})


@router.post(
    "/api/me/notifications/subscribe-again",
    response_model=MyNotifications,
    responses=CHANGES | NOBODY,
    summary="Get mails again that a link has ended",
)
async def subscribe_again(_: NoParameters, person: PersonId, database: Reader) -> Response:
    """Takes back what links in mails to the person have ended."""
    await database.write(queries.SUBSCRIBE_AGAIN, {"person_id": person})
    return uncached(await _find(database, person))


@router.post(
    "/api/me/notifications/test",
    response_model=Tested,
    responses=CHANGES | NOBODY | {409: problem_response("The channel reaches nobody, or there were too many tests")},
    openapi_extra=json_body(schema_of(WantedTest)),
    summary="Try a channel out",
)
async def send_test_message(_: NoParameters, person: PersonId, request: Request, database: Reader) -> Response:
    """Sends a test to the person by one channel, at once, also in quiet hours. At most twenty in an hour."""
    body = await read_json(request, WantedTest)
    title, text = TEST_MESSAGE
    parameters = {"person_id": person, "channel": body.channel, "title": title, "text": text}
    (messages,) = await database.write(queries.TEST, parameters)
    if not messages:
        detail = (
            f"The channel {body.channel} is off or reaches nothing of yours, or you have sent twenty tests in an hour."
        )
        raise Problem(409, "nothing-to-test", "Nothing to test", detail)
    return uncached({"messages": messages})


async def _find(database: Database, person: int) -> dict[str, Any]:
    found: dict[str, Any] = await database.fetch_value(queries.PREFERENCES, {"person_id": person})
    found["languages"] = languages()
    found["usual_language"] = language_of_locale(found.pop("locale"))
    email = found["email"]
    found["email"] = {
        "address": email["address"],
        "problem": _mail_problem(email),
        "unsubscribed_topics": email["unsubscribed_topics"],
    }
    found["restriction"] = RESTRICTION if found.pop("is_restricted") else None
    return found


def _mail_problem(email: dict[str, Any]) -> str | None:
    if email["address"] is None:
        return "Nobody vouches for an e-mail address of yours: the account that you sign in with names none."
    if not email["has_server"]:
        return "This installation sends no mail: notifications.yaml declares no server (`mail`)."
    if email["bounced_reason"] is not None:
        return f"Mails to you come back: {email['bounced_reason']} An administrator can have it tried again."
    if email["disabled_reason"] is not None:
        return f"Nothing is sent any more: {email['disabled_reason']} It is tried again when you save."
    return None


# -- the inbox -------------------------------------------------------------------------------------------------------


@router.get("/api/me/inbox", response_model=Inbox, responses=FIGURE_PROBLEMS | NOBODY, summary="My inbox")
async def list_my_messages(
    query: Annotated[MessagesParameters, Query()], person: PersonId, request: Request, database: Reader
) -> Response:
    """Returns what the person was told in the dashboard, newest first, and how much of it is unread."""
    filters: dict[str, Any] = {"unread": query.unread}
    fingerprint = cursors.fingerprint(request.url.path, "newest", filters)
    parameters: dict[str, Any] = {"person_id": person, "limit": query.limit}
    if query.cursor is not None:
        (parameters["after"],) = cursors.decode(fingerprint, query.cursor, [int])
    statement = queries.inbox(is_unread=query.unread, is_after=query.cursor is not None)
    items, last, more = await database.fetch_row(statement, parameters)
    unread = await _count_unread(database, person)
    cursor = json.dumps(cursors.encode(fingerprint, [last]) if more else None)
    return versioned_response(f'{{"next_cursor":{cursor},"unread":{unread},"items":{items}}}', None)


@router.post(
    "/api/me/inbox/marks",
    response_model=Marked,
    responses=CHANGES | NOBODY,
    openapi_extra=json_body(schema_of(Marks)),
    summary="Mark messages as read or unread",
)
async def mark_my_messages(_: NoParameters, person: PersonId, request: Request, database: Reader) -> Response:
    """Marks messages in the inbox of the person. What is none of theirs is left alone."""
    body = await read_json(request, Marks)
    parameters = {"person_id": person, **body.model_dump()}
    (marked,) = await database.write(queries.MARK, parameters)
    return uncached({"marked": marked, "unread": await _count_unread(database, person)})


async def _count_unread(database: Database, person: int) -> int:
    unread: int = await database.fetch_value(queries.UNREAD, {"person_id": person})
    return unread


# -- browsers --------------------------------------------------------------------------------------------------------


@router.post(
    "/api/me/push-subscriptions",
    status_code=201,
    response_model=AddedPushSubscription,
    responses=CHANGES | NOBODY | {409: problem_response("Twenty browsers show notifications of the person already")},
    openapi_extra=json_body(schema_of(NewPushSubscription)),
    summary="Have a browser show my notifications",
)
async def add_push_subscription(_: NoParameters, person: PersonId, request: Request, database: Reader) -> Response:
    """Adds a browser. One that is known already stays as it is; one that showed those of another person shows mine."""
    body = await read_json(request, NewPushSubscription)
    hosts = await database.fetch_value(queries.PUSH_HOSTS)
    if not is_push_address(body.endpoint, hosts):
        expected = (
            "an address of a push service of Google, Mozilla, Microsoft or Apple, or one that notifications.yaml names "
            "(`push.hosts`)"
        )
        raise refused_parameter("endpoint", expected, body.endpoint, "body")
    parameters = {
        "person_id": person,
        "url": body.endpoint,
        "digest": sha256(body.endpoint.encode()).hexdigest(),
        "p256dh": body.keys.p256dh,
        "auth": body.keys.auth,
        "name": body.name,
    }
    (subscription_id,) = await database.write(queries.ADD_BROWSER, parameters)
    if subscription_id is None:
        detail = "Twenty browsers show your notifications already. Remove one first."
        raise Problem(409, "too-many-browsers", "Too many browsers", detail)
    return uncached({"subscription_id": subscription_id}, 201)


@router.delete(
    "/api/me/push-subscriptions/{subscription_id}",
    status_code=204,
    response_class=Response,
    responses=CHANGES | {404: problem_response("Nobody has signed in, or no browser of theirs has this number")},
    summary="Have a browser not show my notifications any more",
)
async def remove_push_subscription(
    subscription_id: SubscriptionId, _: NoParameters, person: PersonId, database: Reader
) -> Response:
    """Removes a browser. What waits for it ends."""
    parameters = {"person_id": person, "subscription_id": subscription_id}
    (removed,) = await database.write(queries.REMOVE_BROWSER, parameters)
    if removed is None:
        detail = f"No browser of yours has the number {subscription_id}. /api/me/notifications lists them."
        raise Problem(404, "unknown-browser", "Unknown browser", detail)
    return Response(status_code=204)
