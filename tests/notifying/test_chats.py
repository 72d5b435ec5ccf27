"""Cards of chats: within the limits of each service, and without working markup of others."""

import json
from typing import Any
from uuid import uuid4

import pytest

from logistics_core.database_contract.notifications import AttemptOutcome, EndpointChannel, Severity
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.notifying.channels.sending import Channels
from logistics_pipeline.notifying.declaring.declaration import Endpoint
from logistics_pipeline.notifying.delivery import Delivery
from logistics_pipeline.notifying.outgoing import Outgoing
from logistics_pipeline.notifying.publishing import Event, bounded, publish
from logistics_pipeline.notifying.rendering.cards import discord_card, slack_card, teams_card, telegram_text
from tests.notifying.events import declare, event, states
from tests.notifying.sink import Reply, Sink

CHATS = [EndpointChannel.SLACK, EndpointChannel.TEAMS, EndpointChannel.DISCORD, EndpointChannel.TELEGRAM]
HOSTILE = "@everyone <!channel> <@U123> [x](https://evil.example) **bold** <b>&amp;</b> `code`"


def outgoing(channel: EndpointChannel, *events: Event, **changes: Any) -> Outgoing:
    values: dict[str, Any] = {
        "message_id": 1, "public_id": uuid4(), "endpoint": "desk", "endpoint_id": 1, "channel": channel,
        "configuration": {"dashboard": "https://logistics.example.org"}, "recipient": "", "events": events,
        "is_digest": len(events) > 1, "published_at": events[0].occurred_at, "number": 1, "tries": 1,
        "time_zone": "Europe/Berlin",
    }  # fmt: skip
    return Outgoing(**{**values, **changes})


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [each for inner in value.values() for each in texts(inner)]
    if isinstance(value, list):
        return [each for inner in value for each in texts(inner)]
    return [value] if isinstance(value, str) else []


def huge() -> list[Event]:
    return [
        bounded(
            event(
                title="t" * 500, text="x & <" * 5_000, facts=tuple((f"name {n}" * 50, "v<" * 2_000) for n in range(80))
            )
        )
        for _ in range(60)
    ]


@pytest.mark.parametrize("count", [1, 60])
def test_cards_stay_within_the_limits_of_their_services(count: int) -> None:
    events = huge()[:count]
    slack = slack_card(outgoing(EndpointChannel.SLACK, *events))
    blocks = slack["attachments"][0]["blocks"]
    assert len(blocks) <= 50
    for block in blocks:
        assert len(block.get("fields", ())) <= 10
        limit = 150 if block["type"] == "header" else 3_000
        assert len(block.get("text", {}).get("text", "")) <= limit
    discord = discord_card(outgoing(EndpointChannel.DISCORD, *events))
    assert len(discord["embeds"]) <= 10 and sum(map(len, texts(discord["embeds"]))) <= 6_000
    for embed in discord["embeds"]:
        assert len(embed["title"]) <= 256 and len(embed["fields"]) <= 25
        assert all(0 < len(each["name"]) <= 256 and 0 < len(each["value"]) <= 1_024 for each in embed["fields"])
    assert len(json.dumps(teams_card(outgoing(EndpointChannel.TEAMS, *events)))) < 28_000
    text = telegram_text(outgoing(EndpointChannel.TELEGRAM, *events))
    assert len(text.replace("&lt;", "<").replace("&amp;", "&")) <= 4_096


def test_nothing_that_others_have_written_works_as_markup() -> None:
    hostile = event(title=HOSTILE, text=HOSTILE, facts=((HOSTILE, HOSTILE),))
    slack = slack_card(outgoing(EndpointChannel.SLACK, hostile))
    assert "<!channel>" not in slack["text"]
    kinds = {each["type"] for block in slack["attachments"][0]["blocks"] for each in _text_objects(block)}
    assert kinds == {"plain_text"}
    discord = discord_card(outgoing(EndpointChannel.DISCORD, hostile))
    assert discord["allowed_mentions"] == {"parse": []}
    assert "**" not in discord["embeds"][0]["description"].replace("\\*", "")
    teams = teams_card(outgoing(EndpointChannel.TEAMS, hostile))
    kinds = {each["type"] for each in teams["attachments"][0]["content"]["body"]}
    assert kinds == {"RichTextBlock"}, "the text of a TextBlock is Markdown"
    text = telegram_text(outgoing(EndpointChannel.TELEGRAM, hostile))
    assert "&lt;!channel&gt;" in text and "<b>&amp;amp;" not in text


def _text_objects(block: dict[str, Any]) -> list[dict[str, Any]]:
    found = [block["text"]] if "text" in block else []
    return [*found, *block.get("fields", []), *(each for each in block.get("elements", []) if "text" in each and
            each["type"] != "button")]  # fmt: skip


@pytest.mark.parametrize("channel", CHATS)
def test_a_chat_gets_its_card(
    connection: Connection, delivery: Delivery, sink: Sink, channel: EndpointChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAT_URL", f"{sink.url}/services/T000/secret-part")
    monkeypatch.setenv("BOT_TOKEN", "123456:secret-token")
    configuration = {"url": "env:CHAT_URL", "private": True, "token": "env:BOT_TOKEN", "chat": "-100123"}
    declare(connection, Endpoint("chat", channel, configuration=configuration))
    publish(connection, event(severity=Severity.CRITICAL))
    delivery.run_due()
    assert states(connection) == ["delivered"]
    (received,) = sink.received
    assert "Critical" in received.body.decode() and "Rejects of shipments above 5 %" in received.body.decode()
    if channel is EndpointChannel.TELEGRAM:
        assert received.path.endswith("/bot123456:secret-token/sendMessage")
        assert received.document["chat_id"] == "-100123"
    else:
        assert received.path == "/services/T000/secret-part"


def test_telegram_names_its_pause_in_the_answer(sink: Sink) -> None:
    sink.usual = Reply(429, body=b'{"ok":false,"error_code":429,"parameters":{"retry_after":37}}')
    configuration = {"url": sink.url, "private": True, "token": "1:x", "chat": "1"}
    channels = Channels()
    outcome = channels.send(outgoing(EndpointChannel.TELEGRAM, event(), configuration=configuration))
    channels.close()
    assert (outcome.outcome, outcome.wanted_seconds) == (AttemptOutcome.PASSING, 37.0)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of its plugins, all of which it imports
def test_apprise_reaches_what_no_other_channel_does(
    connection: Connection, delivery: Delivery, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("apprise")
    monkeypatch.setenv("SERVICE", sink.url.replace("http://", "json://") + "/apprise")
    declare(connection, Endpoint("other", EndpointChannel.APPRISE, configuration={"url": "env:SERVICE"}))
    publish(connection, event())
    delivery.run_due()
    assert states(connection) == ["delivered"] and sink.received[0].path.rstrip("/") == "/apprise"
    assert "Rejects of shipments above 5 %" in sink.received[0].document["title"]
