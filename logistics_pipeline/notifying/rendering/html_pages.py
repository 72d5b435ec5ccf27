"""The HTML of a mail: one narrow column, inline styles, no scripts, no pictures but its own. Every text is escaped."""

from html import escape

from logistics_core.editions import Edition
from logistics_pipeline.drawing import WIDTH
from logistics_pipeline.notifying.outgoing import Outgoing
from logistics_pipeline.notifying.publishing import Event
from logistics_pipeline.notifying.rendering.incident_charts import NAME
from logistics_pipeline.notifying.rendering.links import link_of
from logistics_pipeline.notifying.rendering.words import (
    MOST_EVENTS_SHOWN,
    colour,
    digest_heading,
    more_in_dashboard,
    sent_to,
    shown_time,
    state_word,
)

_FONT = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
_PAGE = """<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
</head>
<body style="margin:0;padding:24px 12px;background:#f4f5f7;{font};font-size:15px;line-height:1.5;color:#1c2530">
<table role="presentation" align="center" width="100%" style="max-width:600px;border-collapse:collapse">
{content}
<tr><td style="padding:12px 4px;font-size:12px;color:#5b6673">{foot}</td></tr>
</table>
</body>
</html>
"""


def html_page(message: Outgoing, *, unsubscribe: str | None = None, picture: str | None = None) -> str:
    """The whole message as an HTML document, with a link to unsubscribe if there is one.

    Args:
        picture: in words what the picture beside it shows; None: there is none.
    """
    shown = message.events[:MOST_EVENTS_SHOWN]
    content = "\n".join(_card(event, message, picture) for event in shown)
    if message.edition is not None:
        content = _report(shown[0], message, message.edition)
    title = digest_heading(message.events, message.language) if message.is_digest else message.events[0].title
    if message.is_digest and len(message.events) > 1:
        content = (
            f'<tr><td style="padding:0 4px 12px;font-size:18px;font-weight:600">{escape(title)}</td></tr>{content}'
        )
    foot = sent_to(message)
    if len(message.events) > len(shown):
        foot = f"{more_in_dashboard(len(message.events) - len(shown), message.language)} {foot}"
    link = ""
    if unsubscribe is not None:
        words = escape(message.language.say("Unsubscribe"))
        link = f' <a href="{escape(unsubscribe)}" style="color:#5b6673">{words}</a>'
    return _PAGE.format(
        language=message.language.code, title=escape(title), font=_FONT, content=content, foot=escape(foot) + link
    )


def _report(event: Event, message: Outgoing, edition: Edition) -> str:
    """An edition, whose HTML is ours and escaped."""
    link = link_of(event, message.configuration.get("dashboard") or "")
    heading = f'<h1 style="font-size:20px;margin:0 0 4px">{escape(event.title)}</h1>'
    board = (
        "" if link is None else f'<p><a href="{escape(link)}">{escape(message.language.say("Open the board"))}</a></p>'
    )
    return f'<tr><td style="padding:20px;background:#ffffff;border-radius:6px">{heading}{edition.html}{board}</td></tr>'


def _card(event: Event, message: Outgoing, picture: str | None) -> str:
    shade = colour(event)
    state = escape(state_word(event, message.language))
    parts = [
        f'<div style="font-size:12px;font-weight:600;color:{shade}">{state}</div>',
        f'<div style="font-size:18px;font-weight:600;margin:2px 0 8px">{escape(event.title)}</div>',
    ]
    parts += [f'<div style="margin:0 0 12px">{_lines(event.text)}</div>'] if event.text else []
    parts += [_facts(event)] if event.facts else []
    if picture is not None:
        parts.append(
            f'<img src="cid:{NAME}" alt="{escape(picture)}" width="{WIDTH}" '
            'style="display:block;width:100%;height:auto;margin:0 0 12px">'
        )
    when = escape(shown_time(event.occurred_at, message))
    parts.append(f'<div style="font-size:13px;color:#5b6673">{when}</div>')
    link = link_of(event, message.configuration.get("dashboard") or "")
    if link is not None:
        parts.append(
            f'<div style="margin-top:14px"><a href="{escape(link)}" style="display:inline-block;padding:8px 14px;'
            f'border-radius:6px;background:{shade};color:#ffffff;text-decoration:none;font-weight:600">'
            f"{escape(message.language.say('Open in the dashboard'))}</a></div>"
        )
    return (
        f'<tr><td style="padding:18px 20px;background:#ffffff;border-left:4px solid {shade};border-radius:6px">'
        f'{"".join(parts)}</td></tr><tr><td style="height:12px"></td></tr>'
    )


def _facts(event: Event) -> str:
    rows = "".join(
        f'<tr><td style="padding:3px 16px 3px 0;color:#5b6673;vertical-align:top">{escape(name)}</td>'
        f'<td style="padding:3px 0;vertical-align:top">{_lines(value)}</td></tr>'
        for name, value in event.facts
    )
    return f'<table role="presentation" style="border-collapse:collapse;margin:0 0 12px;font-size:14px">{rows}</table>'


def _lines(text: str) -> str:
    return escape(text).replace("\n", "<br>")
