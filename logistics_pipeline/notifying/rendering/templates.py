"""Templates of the user's own for title and text of a message, in Liquid, with bounds on everything that could grow.

What a template can reach is the event alone. Ranges are refused, as filters walk through them before any limit counts;
so are all filters that can make more of a text than they were given. The bombs are in `tests/notifying/test_templates`.
"""

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from time import monotonic
from typing import TYPE_CHECKING, Any

from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.notifying.outgoing import Outgoing
from logistics_pipeline.notifying.publishing import Event, bounded
from logistics_pipeline.notifying.rendering.links import link_of
from logistics_pipeline.notifying.rendering.words import shown_time, state_word

if TYPE_CHECKING:
    from liquid import BoundTemplate, Environment

LONGEST_TEMPLATE = 1_500
MOST_PARTS = 50
"""Each may be reached in each of 100 turns of loops: five thousand steps take less than the time below."""
LONGEST_SECONDS = 0.05
_LONGEST_VALUE = 1_000
_FILTERS = (
    "append", "capitalize", "date", "default", "divided_by", "downcase", "first", "last", "minus", "plus", "prepend",
    "round", "size", "strip", "times", "truncate", "upcase",
)  # fmt: skip
_TAGS = (
    "content", "output", "illegal", "assign", "break", "case", "comment", "continue", "for", "if", "unless",
)  # fmt: skip


class TemplateError(ConfigurationError):
    """A template cannot be used; the message says why."""


def check_template(source: str) -> None:
    """Checks a template as far as that is possible before there is an event.

    Raises:
        TemplateError: it cannot be used.
    """
    _compiled(source)


def with_templates(message: Outgoing) -> Outgoing:
    """The message with title and text by the templates of its endpoint. A template that fails changes nothing."""
    title, text = (message.configuration.get(key) for key in ("titleTemplate", "textTemplate"))
    if not title and not text:
        return message
    return replace(message, events=tuple(_rendered(event, title, text, message) for event in message.events))


def _rendered(event: Event, title: str | None, text: str | None, message: Outgoing) -> Event:
    try:
        return bounded(
            replace(
                event,
                title=render(title, event, message) if title else event.title,
                text=render(text, event, message) if text else event.text,
            )
        )
    except TemplateError:  # what it would have looked like matters less than that it is told
        return event


def template_problems(message: Outgoing) -> list[str]:
    """Why templates of its endpoint cannot be rendered for a message, a sentence each."""
    problems = []
    for key in ("titleTemplate", "textTemplate"):
        source = message.configuration.get(key)
        try:
            if source:
                render(source, message.events[0], message)
        except TemplateError as error:
            problems.append(f"{key}: {error}")
    return problems


def render(source: str, event: Event, message: Outgoing) -> str:
    """What a template makes of an event.

    Raises:
        TemplateError: it cannot be used, or does too much.
    """
    template = _compiled(source)
    from liquid.exceptions import LiquidError

    values = {
        "topic": event.topic,
        "severity": event.severity.value,
        "state": state_word(event, message.language),
        "title": event.title,
        "text": event.text[:_LONGEST_VALUE],
        "facts": [{"name": name, "value": value} for name, value in event.facts],
        "labels": dict(event.labels),
        "url": link_of(event, message.configuration.get("dashboard") or "") or "",
        "time": shown_time(event.occurred_at, message),
    }
    try:
        _deadline.at = monotonic() + LONGEST_SECONDS
        return template.render(event=values)
    except (LiquidError, RecursionError, ArithmeticError, ValueError, TypeError) as error:
        raise TemplateError(f"The template cannot be rendered: {_first_line(error)}.") from None


class _Deadline(threading.local):
    at: float = float("inf")


_deadline = _Deadline()
"""Of the template that this thread renders."""


@cache
def _compiled(source: str) -> "BoundTemplate":
    try:
        from liquid.exceptions import LiquidError
    except ImportError:
        raise TemplateError(
            "The template needs a library: install it with `pip install logistics-analytics-platform[templates]`."
        ) from None
    if len(source) > LONGEST_TEMPLATE:
        raise TemplateError(f"A template has at most {LONGEST_TEMPLATE:,} characters.")
    if source.count("{{") + source.count("{%") > MOST_PARTS:
        raise TemplateError(f"A template has at most {MOST_PARTS} outputs and tags.")
    if ".." in source:
        raise TemplateError("A template has no `..`: ranges are not allowed.")
    try:
        template = _environment().from_string(source)
        unknown = set(template.analyze().filters) - set(_FILTERS)
    except (LiquidError, RecursionError) as error:
        raise TemplateError(f"The template is no Liquid: {_first_line(error)}.") from None
    if unknown:
        names = ", ".join(sorted(unknown))
        raise TemplateError(f"The template uses {names}. There are the filters {', '.join(_FILTERS)}.")
    return template


@cache
def _environment() -> "Environment":
    import liquid

    class Bounded(liquid.Environment):
        context_depth_limit = 8
        loop_iteration_limit = 100
        local_namespace_limit = 20_000
        output_stream_limit = 10_000

    environment = Bounded()
    environment.filters = {name: _timed(environment.filters[name]) for name in _FILTERS}
    environment.tags = {name: environment.tags[name] for name in _TAGS}
    return environment


def _timed(apply: Callable[..., Any]) -> Callable[..., Any]:
    """The same filter, which ends a template that takes too long."""
    from liquid.exceptions import LiquidError

    def timed(*values: Any, **options: Any) -> Any:
        if monotonic() > _deadline.at:
            raise LiquidError("it takes too long", token=None)
        return apply(*values, **options)

    for name in ("with_context", "with_environment", "filter_async"):
        if hasattr(apply, name):
            setattr(timed, name, getattr(apply, name))
    return timed


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".") or type(error).__name__
