"""Messages with their attempts, endpoints without their secrets, a feed of events, and gauges."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any
from xml.etree import ElementTree

import pytest

from logistics_core.database_contract.notifications import EndpointChannel
from logistics_core.settings import Settings
from logistics_pipeline.database.connections import connect
from logistics_pipeline.notifying import template_previews
from logistics_pipeline.notifying.declaring.declaration import Endpoint
from logistics_pipeline.notifying.delivery import Delivery
from logistics_pipeline.notifying.publishing import publish
from logistics_pipeline.notifying.template_previews import make_previews
from tests.api.conftest import Api, Serve
from tests.notifying.events import declare, event, webhook
from tests.notifying.sink import Reply, serving

ATOM = "{http://www.w3.org/2005/Atom}"
HOSTILE = "<script>alert(1)</script> & ]]> \x07"


@pytest.fixture(scope="module")
def url(new_database: Callable[[], AbstractContextManager[str]]) -> Iterator[str]:
    with new_database() as made, connect(made) as connection, serving() as sink:
        sink.by_path["/bad"] = lambda _: Reply(404, body=b"no such hook")
        declare(
            connection,
            webhook(sink.url + "/good?key=hidden", "good"),
            webhook(sink.url + "/bad", "bad"),
            webhook(sink.url, "later", digest="weekly"),
            Endpoint("inbox", EndpointChannel.INBOX),
        )
        publish(connection, event(thread="incident:17"))
        publish(connection, event("report", title=HOSTILE, text=HOSTILE, path="/boards/1"))
        with Delivery(made, Settings()) as delivery:
            delivery.run_due()
        yield made


@pytest.fixture(scope="module")
def api(url: str, serve: Serve) -> Iterator[Api]:
    with serve(url) as running:
        yield running


def test_messages_are_listed_with_their_attempts(api: Api) -> None:
    found = api.get("/api/notifications", state="dead", topic="alert.firing")["items"]
    assert [(each["endpoint"], each["reason"], each["thread"]) for each in found] == [
        ("bad", "404: no such hook", "incident:17")
    ]
    (attempt,) = found[0]["attempts"]
    assert (attempt["outcome"], attempt["status"], attempt["number"]) == ("refused", 404, 1)
    states = [each["state"] for each in api.get("/api/notifications")["items"]]
    assert sorted(states) == sorted(["delivered"] * 4 + ["dead"] * 2 + ["held"] * 2 + ["waiting"])
    assert [each["title"] for each in api.get("/api/notifications", state="waiting")["items"]] == ["Digest (weekly)"]


def test_pages_of_messages_follow_each_other(api: Api) -> None:
    found: list[int] = []
    query: dict[str, str] = {}
    while True:
        page = api.get("/api/notifications", limit=2, **query)
        found += [each["message_id"] for each in page["items"]]
        if page["next_cursor"] is None:
            break
        query = {"cursor": page["next_cursor"]}
    assert found == sorted(found, reverse=True) and len(found) == 9


def test_endpoints_are_listed_without_addresses_and_secrets(api: Api) -> None:
    found = api.get("/api/notifications/endpoints")
    states = {each["name"]: each["state"] for each in found["endpoints"]}
    assert states == {"bad": "failing", "good": "active", "inbox": "active", "later": "active"}
    assert "hidden" not in str(found) and "whsec" not in str(found)
    (day,) = found["days"]
    assert day["events"] == 2 and day["messages"] == day["delivered"] + day["dead"] + day["held"] == 8


def test_the_feed_is_atom_whatever_an_event_says(api: Api) -> None:
    response = api.client.get("/api/notifications/feed")
    assert response.status_code == 200 and response.headers["content-type"].startswith("application/atom+xml")
    root = ElementTree.fromstring(response.text)
    titles = [each.text for each in root.iter(f"{ATOM}title")]
    assert titles == ["Logistics events", HOSTILE.replace("\x07", "").strip(), "Rejects of shipments above 5 %"]
    links = [each.get("href") for each in root.iter(f"{ATOM}link")]
    assert links[1:] == ["/boards/1", "/alerts?incident=17"]
    assert len({each.text for each in root.iter(f"{ATOM}id")}) == 3
    chosen = ElementTree.fromstring(api.client.get("/api/notifications/feed?topic=report").text)
    assert len(list(chosen.iter(f"{ATOM}entry"))) == 1


@pytest.mark.parametrize("query", ["?state=lost", "?limit=0", "?endpoint=A%20B", "?nothing=1", "?cursor=x"])
def test_wrong_parameters_are_refused(api: Api, query: str) -> None:
    assert api.client.get(f"/api/notifications{query}").status_code in (404, 422)


def test_metrics_say_where_messages_are(api: Api) -> None:
    lines = api.client.get("/metrics").text.splitlines()
    assert 'logistics_messages{channel="webhook",state="dead"} 2.0' in lines
    assert 'logistics_messages{channel="inbox",state="delivered"} 2.0' in lines
    assert 'logistics_notification_endpoints{state="failing"} 1.0' in lines
    assert "logistics_message_overdue_seconds 0.0" in lines


def test_templates_have_versions_and_a_way_back(
    new_database: Callable[[], AbstractContextManager[str]], serve: Serve
) -> None:
    path = "/api/notifications/endpoints/chat/templates"
    with new_database() as made, connect(made) as connection, serve(made) as api:
        for title in ("First: {{ event.title }}", "Second: {{ event.title }}"):
            chat = {"url": "env:NOWHERE", "titleTemplate": title}
            endpoints = [Endpoint("chat", EndpointChannel.SLACK, configuration=chat)]
            declare(connection, *endpoints, Endpoint("inbox", EndpointChannel.INBOX))
        restored = api.request(f"{path}/1/restore", "POST").json()
        assert restored == api.get(path)
        assert [(each["version"], each["restored_from"], each["restored_by"]) for each in restored["versions"]] == [
            (3, 1, "anonymous"), (2, None, None), (1, None, None),
        ]  # fmt: skip
        newest, second, first = restored["versions"]
        assert newest["origin"] == "Restored by anonymous from version 1"
        assert second["origin"] == first["origin"] == "Declared in notifications.yaml"
        assert newest["title_template"] == first["title_template"] == "First: {{ event.title }}"
        assert (newest["is_in_force"], newest["is_declared"]) == (True, False)
        assert (second["is_in_force"], second["is_declared"], second["messages"]) == (False, True, 0)
        assert api.get("/api/notifications/endpoints/inbox/templates") == {"endpoint": "inbox", "versions": []}
        for method, unknown, title in (
            ("POST", "chat/templates/9/restore", "Unknown version"),
            ("POST", "nobody/templates/1/restore", "Unknown endpoint"),
            ("GET", "nobody/templates", "Unknown endpoint"),
        ):
            response = api.request(f"/api/notifications/endpoints/{unknown}", method)
            assert (response.status_code, response.json()["title"]) == (404, title)


def test_templates_are_previewed_by_a_worker(
    new_database: Callable[[], AbstractContextManager[str]], serve: Serve
) -> None:
    path = "/api/notifications/endpoints/chat/previews"
    bomb = "{% for a in event.facts %}{{ event.title | truncate: 1, 2, 3, 4 }}{% endfor %}"
    with new_database() as made, connect(made) as connection, serve(made) as api:
        for title in ("First: {{ event.title }}", bomb, "Third: {{ event.title }}"):
            chat = {"url": "env:NOWHERE", "titleTemplate": title}
            declare(connection, Endpoint("chat", EndpointChannel.SLACK, configuration=chat))

        def ask(question: str = "") -> tuple[int, Any]:
            response = api.request(f"{path}{question}", "POST")
            return response.status_code, response.json()

        def result(question: str = "") -> Any:
            waiting = ask(question)[1]
            assert (waiting["state"], waiting["title"]) == ("queued", None)
            assert api.request(waiting["status_url"]).headers["retry-after"] == "1"
            assert make_previews(connection) == 1
            return api.get(waiting["status_url"])

        assert result()["problem"] == "There is no event yet to show."
        publish(connection, event(title="Old news"))
        publish(connection, event(title="News"))
        newest, first = result(), result("?version=1")
        assert (newest["state"], newest["version"], newest["problem"]) == ("done", 3, None)
        assert (newest["title"], first["title"]) == ("[Warning] Third: News", "[Warning] First: News")
        assert first["text"].startswith("Warning: First: News\n\n")
        old = api.get("/api/notifications")["items"][1]["message_id"]
        assert result(f"?version=1&message={old}")["title"] == "[Warning] First: Old news"
        failing = result("?version=2")
        assert (failing["state"], failing["title"]) == ("done", "[Warning] News")
        assert failing["problem"].startswith("titleTemplate: The template cannot be rendered")
        for question, status, title in (
            ("?version=9", 404, "Unknown version"),
            ("?message=99", 404, "Unknown message"),
            ("?version=0", 422, "Invalid parameters"),
        ):
            found, problem = ask(question)
            assert (found, problem["title"]) == (status, title)
        assert ask("?version=9")[1]["detail"].startswith("The templates of chat have no version 9.")
        elsewhere = first["status_url"].replace("/chat/", "/inbox/")
        assert api.request(elsewhere).status_code == 404
        unknown = path.replace("chat", "nobody")
        assert api.request(unknown, "POST").json()["title"] == "Unknown endpoint"


def test_few_previews_of_templates_wait_and_none_is_made_for_ever(
    new_database: Callable[[], AbstractContextManager[str]], serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """Ends a process."""

    def die(*_: object) -> None:
        raise Killed

    path = "/api/notifications/endpoints/inbox/previews"
    with new_database() as made, connect(made) as connection, serve(made) as api:
        declare(connection, Endpoint("inbox", EndpointChannel.INBOX))
        asked = [api.request(path, "POST") for _ in range(21)]
        assert [each.status_code for each in asked] == [202] * 20 + [503]
        with monkeypatch.context() as patch:
            patch.setattr(template_previews, "preview", die)
            for _ in range(3):
                with pytest.raises(Killed):
                    make_previews(connection)
        assert make_previews(connection) == 3
        assert "has ended its worker 3 times" in api.get(asked[0].json()["status_url"])["problem"]
        assert api.get(asked[1].json()["status_url"])["version"] is None
        connection.execute("UPDATE notify.template_previews SET requested_at = now() - interval '25 hours'")
        assert api.request(path, "POST").status_code == 202
        assert connection.execute("SELECT count(*) FROM notify.template_previews").fetchone() == (1,)
