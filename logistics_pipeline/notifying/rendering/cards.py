"""What messages look like in chats: one shape for each service, within its limits.

Titles and texts are shown as they are: markup in them, and mentions of people or channels, must not work.
"""

import re
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from logistics_pipeline.notifying.outgoing import Outgoing
from logistics_pipeline.notifying.publishing import Event
from logistics_pipeline.notifying.rendering.links import link_of
from logistics_pipeline.notifying.rendering.texts import subject
from logistics_pipeline.notifying.rendering.words import (
    colour,
    more_in_dashboard,
    shown_time,
    state_of,
    state_word,
    titled,
    worst,
)

_MOST_EVENTS = 10
"""Of a digest: Discord shows no more, and Teams accepts 28 KB."""
_MOST_FACTS = 10
_LONGEST_TEXT = 600
_LONGEST_TELEGRAM = 3_500
_DISCORD_CHARACTERS = 5_500
_MARKDOWN = re.compile(r"([\\*_~`|>#\[\]()@-])")
_TEAMS_COLOURS = {"Critical": "Attention", "Warning": "Warning", "Resolved": "Good", "Unknown": "Warning"}


def shortened(text: str, longest: int) -> str:
    """The text, or its begin and three dots."""
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def _link(event: Event, message: Outgoing) -> str | None:
    return link_of(event, message.configuration.get("dashboard") or "")


def _rest(message: Outgoing) -> str | None:
    """What is said of events that are not shown."""
    rest = len(message.events) - _MOST_EVENTS
    return more_in_dashboard(rest, message.language) if rest > 0 else None


# -- Slack: https://api.slack.com/reference/block-kit/blocks -----------------------------------------------------------


def slack_card(message: Outgoing) -> dict[str, Any]:
    """The body of a request to an incoming webhook. Its texts are `plain_text`, in which nothing is markup."""
    blocks = list(_slack_digest(message) if message.is_digest else _slack_blocks(message.events[0], message))
    fallback = escape(shortened(subject(message), 300), quote=False)
    return {"text": fallback, "attachments": [{"color": colour(worst(message.events)), "blocks": blocks}]}


def _slack_text(text: str, longest: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": shortened(text, longest) or "-", "emoji": False}


def _slack_blocks(event: Event, message: Outgoing) -> Iterator[dict[str, Any]]:
    yield {"type": "header", "text": _slack_text(titled(event, message.language), 150)}
    if event.text:
        yield {"type": "section", "text": _slack_text(event.text, _LONGEST_TEXT)}
    if event.facts:
        facts = [_slack_text(f"{name}\n{value}", 300) for name, value in event.facts[:_MOST_FACTS]]
        yield {"type": "section", "fields": facts}
    yield {"type": "context", "elements": [_slack_text(shown_time(event.occurred_at, message), 100)]}
    if (link := _link(event, message)) is not None:
        words = _slack_text(message.language.say("Open in the dashboard"), 75)
        yield {"type": "actions", "elements": [{"type": "button", "text": words, "url": shortened(link, 3_000)}]}


def _slack_digest(message: Outgoing) -> Iterator[dict[str, Any]]:
    yield {"type": "header", "text": _slack_text(subject(message), 150)}
    for event in message.events[:_MOST_EVENTS]:
        heading = f"{titled(event, message.language)}\n{shown_time(event.occurred_at, message)}"
        yield {"type": "section", "text": _slack_text(heading, _LONGEST_TEXT)}
    if (rest := _rest(message)) is not None:
        yield {"type": "context", "elements": [_slack_text(rest, 100)]}


# -- Teams: an Adaptive Card for a workflow (https://adaptivecards.io/explorer) ----------------------------------------


def teams_card(message: Outgoing) -> dict[str, Any]:
    """The body of a request to a workflow "when a webhook request is received". Text runs hold no markup."""
    body: list[dict[str, Any]] = []
    if message.is_digest:
        body.append(_run(subject(message), size="Large", weight="Bolder"))
    for event in message.events[:_MOST_EVENTS]:
        body += _teams_event(event, message)
    if (rest := _rest(message)) is not None:
        body.append(_run(rest, isSubtle=True))
    links = [(event, link) for event in message.events[:1] if (link := _link(event, message)) is not None]
    words = message.language.say("Open in the dashboard")
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
        "actions": [{"type": "Action.OpenUrl", "title": words, "url": link} for _, link in links],
    }
    content = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "summary": shortened(subject(message), 300), "attachments": [content]}


def _run(text: str, **looks: Any) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text or "-", **looks}]}


def _teams_event(event: Event, message: Outgoing) -> Iterator[dict[str, Any]]:
    shade = _TEAMS_COLOURS.get(state_of(event), "Accent")
    title = shortened(event.title, 300)
    yield _run(state_word(event, message.language), color=shade, weight="Bolder") | {"spacing": "Medium"}
    yield _run(title, size="Medium", weight="Bolder") | {"spacing": "None"}
    if event.text:
        yield _run(shortened(event.text, _LONGEST_TEXT // (2 if message.is_digest else 1)))
    facts = event.facts[: 2 if message.is_digest else _MOST_FACTS]
    for name, value in facts:
        yield {"type": "RichTextBlock", "spacing": "None", "inlines": [
            {"type": "TextRun", "text": f"{shortened(name, 100)}  ", "isSubtle": True},
            {"type": "TextRun", "text": shortened(value, 300) or "-"},
        ]}  # fmt: skip
    yield _run(shown_time(event.occurred_at, message), isSubtle=True, size="Small")


# -- Discord: https://discord.com/developers/docs/resources/webhook ----------------------------------------------------


def discord_card(message: Outgoing) -> dict[str, Any]:
    """The body of a request to a webhook: an embed for each event, at most 6,000 characters in all."""
    embeds: list[dict[str, Any]] = []
    characters = 0
    for event in message.events[:_MOST_EVENTS]:
        embed = _embed(event, message)
        characters += _characters(embed)
        if embeds and characters > _DISCORD_CHARACTERS:
            break
        embeds.append(embed)
    content = _without_markdown(shortened(subject(message), 300)) if message.is_digest else ""
    return {"content": content, "embeds": embeds, "allowed_mentions": {"parse": []}}


def _embed(event: Event, message: Outgoing) -> dict[str, Any]:
    embed: dict[str, Any] = {
        "title": shortened(_without_markdown(titled(event, message.language)), 256),
        "description": shortened(_without_markdown(event.text), 1_500),
        "color": int(colour(event).removeprefix("#"), 16),
        "timestamp": event.occurred_at.isoformat(),
        "fields": [
            {
                "name": shortened(_without_markdown(name), 100) or "-",
                "value": shortened(_without_markdown(value), 200) or "-",
                "inline": True,
            }
            for name, value in event.facts[:_MOST_FACTS]
        ],
    }
    link = _link(event, message)
    return embed if link is None else {**embed, "url": link}


def _characters(embed: dict[str, Any]) -> int:
    fields: Sequence[dict[str, str]] = embed["fields"]
    return len(embed["title"] + embed["description"]) + sum(len(each["name"] + each["value"]) for each in fields)


def _without_markdown(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", text)


# -- Telegram: https://core.telegram.org/bots/api#sendmessage ----------------------------------------------------------


def telegram_text(message: Outgoing) -> str:
    """The text of `sendMessage` in its HTML, at most 4,096 characters as shown."""
    parts, characters = [], 0
    if message.is_digest:
        parts.append(f"<b>{escape(shortened(subject(message), 300), quote=False)}</b>")
    for number, event in enumerate(message.events):
        text, length = _telegram_event(event, message)
        characters += length
        if number and (characters > _LONGEST_TELEGRAM or number >= _MOST_EVENTS):
            parts.append(more_in_dashboard(len(message.events) - number, message.language))
            break
        parts.append(text)
    return "\n\n".join(parts)


def _telegram_event(event: Event, message: Outgoing) -> tuple[str, int]:
    title = shortened(titled(event, message.language), 300)
    plain = [shortened(event.text, 1_500 if not message.is_digest else 300)] if event.text else []
    plain += [f"{shortened(name, 80)}: {shortened(value, 100)}" for name, value in event.facts[:_MOST_FACTS]]
    plain.append(shown_time(event.occurred_at, message))
    lines = [f"<b>{escape(title, quote=False)}</b>", *(escape(each, quote=False) for each in plain)]
    if (link := _link(event, message)) is not None:
        words = escape(message.language.say("Open in the dashboard"), quote=False)
        lines.append(f'<a href="{escape(link)}">{words}</a>')
    return "\n".join(lines), len(title) + sum(map(len, plain)) + 30
