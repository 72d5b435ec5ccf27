"""Reads `notifications.yaml`. Every message names file, line, column and key."""

import re
from collections.abc import Mapping
from datetime import time
from pathlib import Path
from typing import Any

import msgspec

from logistics_core.catalogue.contract_yaml import KeyPath
from logistics_core.database_contract.notifications import EndpointChannel
from logistics_core.languages.translating import languages
from logistics_core.places.checks import check_address, check_time_zone, checked, fault, reference
from logistics_core.places.secrets import is_reference, is_sensitive
from logistics_core.push_services import is_host_name
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.files.declared_files import json_schema_of, parse_declared, read_declared
from logistics_pipeline.notifying.channels.http import Unsendable, checked_address
from logistics_pipeline.notifying.channels.mail import LONGEST_BOUNCES, mailbox
from logistics_pipeline.notifying.declaring.declaration import Endpoint, Subscription
from logistics_pipeline.notifying.declaring.shapes import (
    EndpointKeys,
    MailKeys,
    NotificationsKeys,
    PushKeys,
    SubscriptionKeys,
)
from logistics_pipeline.notifying.local_times import QuietHours
from logistics_pipeline.notifying.rendering.templates import TemplateError, check_template

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_TOPIC = re.compile(r"\*|[a-z0-9_]+(\.[a-z0-9_]+)*(\.\*)?")
_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
_USUAL_PER_HOUR = 20
_MOST_PER_HOUR = 1_000_000
_UNLIMITED = frozenset({EndpointChannel.WEBHOOK, EndpointChannel.INBOX})
_NEEDED = {
    EndpointChannel.WEBHOOK: ("url",),
    EndpointChannel.EMAIL: ("to",),
    EndpointChannel.SLACK: ("url",),
    EndpointChannel.TEAMS: ("url",),
    EndpointChannel.DISCORD: ("url",),
    EndpointChannel.TELEGRAM: ("token", "chat"),
    EndpointChannel.INBOX: (),
    EndpointChannel.APPRISE: ("url",),
}
_CHATS = (EndpointChannel.SLACK, EndpointChannel.TEAMS, EndpointChannel.DISCORD)
_ALLOWED = {
    EndpointChannel.WEBHOOK: ("secrets", "headers", "caFile", "private"),
    EndpointChannel.TELEGRAM: ("url", "caFile", "private"),
    **dict.fromkeys(_CHATS, ("caFile", "private")),
}
_TEMPLATES = ("titleTemplate", "textTemplate")
_OF_CHANNELS = ("to", "url", "secrets", "headers", "token", "chat", "caFile", "private")


def read_endpoints(path: Path) -> list[Endpoint]:
    """The endpoints that a file declares; none if it does not exist.

    Raises:
        DefinitionError: it cannot be read, or declares something that cannot be used.
    """
    return read_declared(path, parse_endpoints)


def parse_endpoints(text: str, where: str) -> list[Endpoint]:
    """The endpoints that a text declares. `where` names the text in messages.

    Raises:
        DefinitionError: it declares something that cannot be used.
    """
    return parse_declared(text, where, NotificationsKeys, "endpoints", _endpoints)


def read_shared_settings(path: Path) -> dict[str, Any]:
    """What a file says for all endpoints: its keys `dashboard`, `mail` and `push`, those that it has.

    Raises:
        DefinitionError: as `read_endpoints`.
    """
    found = read_declared(
        path, lambda text, where: parse_declared(text, where, NotificationsKeys, "endpoints", _shared_settings)
    )
    return found[0] if found else {}


def json_schema() -> dict[str, Any]:
    """What the file may hold, as a JSON Schema for editors."""
    return json_schema_of(NotificationsKeys, "Notifications")


def _endpoints(document: dict[str, Any]) -> list[Endpoint]:
    keys = msgspec.convert(document, NotificationsKeys)
    (shared,) = _shared_settings(document)
    mail = shared.pop("mail", None)
    shared.pop("push", None)
    found = []
    for name, each in keys.endpoints.items():
        path: KeyPath = ("endpoints", name)
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            fault(
                path, "is no name of an endpoint. Expected: small letters, digits, hyphens and underscores, at most 63."
            )
        given = document["endpoints"][name]
        _check_keys(each, given, path)
        configuration = shared | _configuration(each, given, path)
        if each.channel is EndpointChannel.EMAIL:
            if mail is None:
                fault(path, "is of the channel email, which needs the server of the key `mail` at the top of the file.")
            configuration["mail"] = mail
        found.append(_endpoint(name, each, configuration, path))
    return found


def _shared_settings(document: dict[str, Any]) -> list[dict[str, Any]]:
    keys = msgspec.convert(document, NotificationsKeys)
    found: dict[str, Any] = {}
    if keys.dashboard is not None:
        found["dashboard"] = _dashboard(keys.dashboard)
    if keys.mail is not None:
        found["mail"] = _mail(keys.mail, document["mail"])
    if keys.push is not None:
        found["push"] = _push(keys.push, document["push"])
    return [found]


def _check_keys(keys: EndpointKeys, given: Mapping[str, Any], path: KeyPath) -> None:
    if keys.channel is EndpointChannel.PUSH:
        fault((*path, "channel"), "is push, which nobody declares: people switch it on under My notifications.")
    needed = _NEEDED[keys.channel]
    for key in needed:
        if not given.get(key):
            fault(path, f"lacks the key `{key}`, which the channel {keys.channel} needs.")
    for key in given:
        if key in _OF_CHANNELS and key not in needed and key not in _ALLOWED.get(keys.channel, ()):
            fault((*path, key), f"is no key of the channel {keys.channel}. Remove it.")


def _configuration(keys: EndpointKeys, given: Mapping[str, Any], path: KeyPath) -> dict[str, Any]:
    """What the channel is given, secrets as references."""
    if keys.channel is EndpointChannel.WEBHOOK:
        _check_webhook(keys, path)
    elif keys.channel is EndpointChannel.TELEGRAM:
        _check_address(keys, path)
    elif keys.url is not None:
        reference(keys.url, (*path, "url"))
    if keys.token is not None:
        reference(keys.token, (*path, "token"))
    for key in _TEMPLATES:
        if given.get(key):
            checked(_template)(given[key], (*path, key))
    wanted = ("url", "secrets", "headers", "token", "chat", "caFile", "private", *_TEMPLATES)
    return {key: given[key] for key in wanted if key in given}


def _template(source: str) -> None:
    try:
        check_template(source)
    except TemplateError as error:
        raise ValueError(f"cannot be used. {error}") from None


def _check_address(keys: EndpointKeys, path: KeyPath) -> None:
    if keys.url is None or is_reference(keys.url):
        return
    check_address(keys.url, (*path, "url"))
    try:
        checked_address(keys.url, is_private=keys.private)
    except Unsendable as error:
        fault((*path, "url"), str(error).removeprefix("`url` "))


def _check_webhook(keys: EndpointKeys, path: KeyPath) -> None:
    _check_address(keys, path)
    for number, secret in enumerate(keys.secrets):
        reference(secret, (*path, "secrets", number))
    for name, value in keys.headers.items():
        if name.lower().startswith("webhook-") or name.lower() in ("host", "content-length", "transfer-encoding"):
            fault((*path, "headers", name), "is a header that the sender sets itself. Remove it.")
        if is_sensitive(name):
            reference(value, (*path, "headers", name))


def _mail(keys: MailKeys, given: Mapping[str, Any]) -> dict[str, Any]:
    if keys.port is not None and not 1 <= keys.port <= 65_535:
        fault(("mail", "port"), f"is {keys.port}. Expected: 1 to 65535.")
    _address(keys.sender, ("mail", "from"))
    if keys.bounces is not None:
        _address(keys.bounces, ("mail", "bounces"))
        if len(keys.bounces.rpartition("@")[0]) > LONGEST_BOUNCES:
            fault(
                ("mail", "bounces"), f"has more than {LONGEST_BOUNCES} characters before the @. Choose a shorter name."
            )
    if keys.password is not None:
        reference(keys.password, ("mail", "password"))
    if keys.bounce_mailbox is not None:
        _check_bounce_mailbox(keys)
    if keys.security == "none" and not keys.private:
        fault(
            ("mail", "security"), "is none. Mails are sent without TLS to private servers alone: add `private: true`."
        )
    if keys.unsubscribe is not None and not re.fullmatch(
        r"(mailto:|https://)[\x21-\x3b\x3d\x3f-\x7e]+", keys.unsubscribe
    ):
        fault(("mail", "unsubscribe"), "is no address that begins with mailto: or https://.")
    return {key: value for key, value in given.items() if value is not None}


def _check_bounce_mailbox(keys: MailKeys) -> None:
    path: KeyPath = ("mail", "bounceMailbox")
    assert keys.bounce_mailbox is not None
    if keys.bounces is None:
        fault(path, "needs the key `bounces`: the address that mails come back to.")
    if keys.bounce_mailbox.port is not None and not 1 <= keys.bounce_mailbox.port <= 65_535:
        fault((*path, "port"), f"is {keys.bounce_mailbox.port}. Expected: 1 to 65535.")
    if not keys.bounce_mailbox.folder.isprintable() or not keys.bounce_mailbox.folder.isascii():
        fault((*path, "folder"), "is no name of a folder as IMAP has it. Expected: printable ASCII.")
    reference(keys.bounce_mailbox.password, (*path, "password"))


def _push(keys: PushKeys, given: Mapping[str, Any]) -> dict[str, Any]:
    if keys.key is not None:
        reference(keys.key, ("push", "key"))
    if keys.contact is not None and not re.fullmatch(r"(mailto:|https://)[\x21-\x3b\x3d\x3f-\x7e]+", keys.contact):
        fault(("push", "contact"), "is no address that begins with mailto: or https://.")
    for number, host in enumerate(keys.hosts):
        if not is_host_name(host):
            fault(("push", "hosts", number), f"is {host!r}. Expected: the name of a host, such as push.example.org.")
    return {key: value for key, value in given.items() if value is not None}


def _address(text: str, path: KeyPath) -> str:
    try:
        mailbox(text)
    except ConfigurationError as error:
        fault(path, f"is {str(error).replace(' is no', ', no', 1)}")
    return text


def _dashboard(text: str) -> str:
    parts = check_address(text, ("dashboard",))
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        fault(("dashboard",), "is no address of a dashboard. Expected: one such as https://logistics.example.org.")
    return text.rstrip("/")


def _endpoint(name: str, keys: EndpointKeys, configuration: dict[str, Any], path: KeyPath) -> Endpoint:
    check_time_zone(keys.time_zone, (*path, "timeZone"))
    return Endpoint(
        name=name, channel=keys.channel, title=keys.title, configuration=configuration,
        recipients=tuple(_address(each, (*path, "to", number)) for number, each in enumerate(keys.to)),
        subscriptions=tuple(
            subscription
            for number, each in enumerate(keys.subscriptions)
            for subscription in _subscriptions(each, (*path, "subscriptions", number))
        ),
        time_zone=keys.time_zone, language=_language(keys.language, (*path, "language")),
        quiet=_quiet(keys.quiet_hours, (*path, "quietHours")), digest=keys.digest,
        digest_at=_time(keys.digest_at, (*path, "digestAt")), per_hour=_per_hour(keys, (*path, "perHour")),
    )  # fmt: skip


def _language(code: str, path: KeyPath) -> str:
    if code not in languages():
        fault(path, f"is {code!r}. Expected: one of {', '.join(languages())}.")
    return code


def _subscriptions(keys: SubscriptionKeys, path: KeyPath) -> list[Subscription]:
    labels = {name: (value,) if isinstance(value, str) else tuple(value) for name, value in keys.labels.items()}
    for number, topic in enumerate(keys.topics):
        if not _TOPIC.fullmatch(topic):
            fault((*path, "topics", number), f"is {topic!r}. Expected: a topic such as alert.firing, alert.* or *.")
    return [Subscription(topic, keys.severity, labels) for topic in keys.topics]


def _quiet(text: str | None, path: KeyPath) -> QuietHours | None:
    if text is None:
        return None
    begin, dash, until = text.replace(" ", "").partition("-")
    if not dash or not _TIME.fullmatch(begin) or not _TIME.fullmatch(until):
        fault(path, f"is {text!r}. Expected: two times such as 22:00-06:30.")
    quiet = QuietHours(_time(begin, path), _time(until, path))
    if quiet.begin == quiet.until:
        fault(path, f"is {text!r}: it begins when it ends. Expected: two different times.")
    return quiet


def _time(text: str, path: KeyPath) -> time:
    found = _TIME.fullmatch(text)
    if found is None:
        fault(path, f"is {text!r}. Expected: a time of day such as 08:00.")
    return time(int(found[1]), int(found[2]))


def _per_hour(keys: EndpointKeys, path: KeyPath) -> int | None:
    if keys.per_hour is None:
        return None if keys.channel in _UNLIMITED else _USUAL_PER_HOUR
    if keys.per_hour == "unlimited":
        return None
    if keys.per_hour < 1:
        fault(path, f"is {keys.per_hour}. Expected: a number above 0, or unlimited.")
    if keys.per_hour > _MOST_PER_HOUR:
        fault(path, f"is {keys.per_hour}. Expected: at most {_MOST_PER_HOUR:,}, or unlimited.")
    return keys.per_hour
