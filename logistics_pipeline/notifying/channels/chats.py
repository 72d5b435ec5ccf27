"""Slack, Teams, Discord and Telegram: a card by HTTP. Their addresses and tokens are secrets."""

import json
from dataclasses import replace

from logistics_core.database_contract.notifications import AttemptOutcome
from logistics_pipeline.notifying.channels.configuration import Configuration
from logistics_pipeline.notifying.channels.http import JSON, HttpSender, json_body
from logistics_pipeline.notifying.outgoing import Outcome, Outgoing
from logistics_pipeline.notifying.rendering.cards import discord_card, slack_card, teams_card, telegram_text

_TELEGRAM = "https://api.telegram.org"


def send_slack(http: HttpSender, message: Outgoing, configuration: Configuration) -> Outcome:
    """Sends a message to an incoming webhook of Slack."""
    return http.post(configuration.text("url"), JSON, json_body(slack_card(message)), configuration)


def send_teams(http: HttpSender, message: Outgoing, configuration: Configuration) -> Outcome:
    """Sends a message to a workflow of Teams."""
    return http.post(configuration.text("url"), JSON, json_body(teams_card(message)), configuration)


def send_discord(http: HttpSender, message: Outgoing, configuration: Configuration) -> Outcome:
    """Sends a message to a webhook of Discord."""
    return http.post(configuration.text("url"), JSON, json_body(discord_card(message)), configuration)


def send_telegram(http: HttpSender, message: Outgoing, configuration: Configuration) -> Outcome:
    """Sends a message through a bot of Telegram."""
    document = {
        "chat_id": configuration.text("chat"),
        "text": telegram_text(message),
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": True},
    }
    address = f"{configuration.text('url', _TELEGRAM).rstrip('/')}/bot{configuration.text('token')}/sendMessage"
    outcome = http.post(address, JSON, json_body(document), configuration)
    if outcome.outcome is AttemptOutcome.PASSING and outcome.wanted_seconds is None:
        return replace(outcome, wanted_seconds=_wanted_by_telegram(outcome.detail))
    return outcome


def _wanted_by_telegram(answer: str) -> float | None:
    """Telegram names its pause in the answer, not in a header."""
    try:
        return float(json.loads(answer)["parameters"]["retry_after"])
    except (ValueError, KeyError, TypeError):
        return None
