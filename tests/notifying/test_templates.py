"""Templates of users: what they make of an event, and everything in them that could grow, stopped within 50 ms."""

from time import thread_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logistics_core.database_contract.notifications import EndpointChannel
from logistics_pipeline.notifying.rendering.templates import LONGEST_TEMPLATE, TemplateError, render, with_templates
from logistics_pipeline.notifying.rendering.texts import subject
from tests.notifying.events import event
from tests.notifying.test_chats import outgoing

BIG = event(title="t" * 300, text="<a,b>" * 2_000, facts=tuple((f"n{n}", "v" * 1_000) for n in range(100)))


def made(source: str, about: Any = None) -> str:
    found = about or event()
    return render(source, found, outgoing(EndpointChannel.EMAIL, found))


def test_a_template_sees_the_event() -> None:
    source = (
        "{{ event.state | upcase }} {{ event.labels.dataset }}: {{ event.title }} ({{ event.time }}) {{ event.url }}"
        "{% for fact in event.facts %}{% if fact.name == 'rejected' %} {{ fact.value }}{% endif %}{% endfor %}"
    )
    assert made(source) == (
        "WARNING shipments: Rejects of shipments above 5 % (3 Jun 2024 10:15 CEST) "
        "https://logistics.example.org/alerts?incident=17 7.5 %"
    )


BOMBS = [
    "{% for i in (1..1000000000) %}x{% endfor %}",
    "{% assign r = (1..100000000) %}{{ r | join: ',' }}",
    "{{ (1..100000000) | sort | first }}",
    "{{ (1 . . 100000000) | last }}",
    "{% assign a = 'xxxxxxxxxxxxxxxx' %}" + "{% assign a = a | append: a %}" * 45 + "{{ a }}",
    "{{ event.text | replace: 'a', event.text | replace: 'a', event.text }}",
    "{{ event.text | split: '' | join: event.text }}",
    "{% capture x %}" + "{{ event.text }}" * 80 + "{% endcapture %}{{ x }}",
    "{{ event.text }}" * 90,
    "{% for a in event.facts %}" * 3 + "x" + "{% endfor %}" * 3,
    "{% for a in event.facts %}" + "{{event.text|upcase|downcase|capitalize|strip|upcase}}" * 25 + "{% endfor %}",
    "{% for a in event.facts %}" + "{{x}}" * 290 + "{% endfor %}",
    "{% for a in event.facts %}" + "{{x}}" * 48 + "{% endfor %}",
    "{% for a in event.facts %}" + "{%if a%}{%endif%}" * 24 + "{% endfor %}",
    "{% for a in event.facts %}" + "{%assign b=a%}" * 48 + "{% endfor %}",
    "{{ 9" + " | times: 999999999999999999" * 50 + " }}",
    "{% if a %}" * 70 + "{% endif %}" * 70,
    "{{ a" + "| append: 'x'" * 100 + "}}",
    "{% tablerow i in event.facts %}x{% endtablerow %}",
    "{% include 'x' %}", "{% render '/etc/passwd' %}", "{% increment x %}" * 80,
    "{{ 'now' | date: '%" + "9" * 1_000 + "Y' }}",
    "x" * (LONGEST_TEMPLATE + 1),
]  # fmt: skip


@pytest.mark.parametrize("source", BOMBS)
def test_whatever_could_grow_is_stopped(source: str) -> None:
    made("{{ event.title | upcase }}")  # the library is imported once
    began = thread_time()
    try:
        text = made(source, BIG)
    except TemplateError:
        text = ""
    assert thread_time() - began < 0.15, "a third of that on an idle machine"
    assert len(text) <= 10_000


@pytest.mark.parametrize(
    "source", ["{{ event.__class__ }}", "{{ event.title.__class__.__mro__ }}", "{{ event['__init__'] }}"]
)
def test_nothing_but_the_event_can_be_reached(source: str) -> None:
    assert made(source) == ""


def test_a_template_that_fails_leaves_the_event_as_it_was() -> None:
    configuration = {"titleTemplate": "{{ 1 | divided_by: 0 }}", "textTemplate": "{{ event.severity }}"}
    message = outgoing(EndpointChannel.EMAIL, event(), configuration=configuration)
    assert with_templates(message).events == message.events


@given(value=st.text(max_size=60))
def test_no_value_breaks_out_of_a_subject(value: str) -> None:
    about = event(labels={"dataset": value}, title=value)
    message = outgoing(
        EndpointChannel.EMAIL, about, configuration={"titleTemplate": "{{ event.labels.dataset }}\nX: y"}
    )
    assert len(subject(with_templates(message)).splitlines()) == 1


@given(source=st.text(alphabet="{}%|.'\"() \nabcdefox:,<>=-#", max_size=80))
def test_any_text_is_a_template_or_refused_in_words(source: str) -> None:
    try:
        made(source)
    except TemplateError as error:
        assert str(error).startswith(("The template", "A template"))
