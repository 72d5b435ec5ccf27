"""News for those who listen: everybody gets it, nobody can hold it up, and memory is bounded."""

import asyncio
from collections.abc import AsyncIterator

from logistics_api.database.freshness import Freshness, Published
from logistics_api.events.broker import Events
from logistics_api.events.endpoints import format_event, stream


async def take(pieces: AsyncIterator[str], count: int) -> list[str]:
    return [await anext(pieces) for _ in range(count)]


def known(version: int | None) -> Freshness:
    freshness = Freshness()
    freshness.confirm(None if version is None else Published(version, None))
    freshness.reachable = True
    return freshness


def test_every_subscriber_gets_all_events_in_order() -> None:
    async def listen(events: Events) -> list[tuple[str, str]]:
        return [event async for event in events.subscribe()]

    async def run() -> list[list[tuple[str, str]]]:
        events = Events()
        listeners = [asyncio.create_task(listen(events)) for _ in range(3)]
        await asyncio.sleep(0)
        for number in range(5):
            events.publish("data_version", str(number))
        await asyncio.sleep(0)
        events.close()
        return await asyncio.gather(*listeners)

    assert asyncio.run(run()) == [[("data_version", str(number)) for number in range(5)]] * 3


def test_one_that_is_too_slow_is_let_go_and_the_others_stay() -> None:
    async def run() -> None:
        events = Events(queue_length=3)
        with events.subscriber() as slow, events.subscriber() as quick:
            for number in range(10):
                events.publish("ingest", str(number))
                assert await quick.next() == ("ingest", str(number))
            assert await slow.next() is None  # nothing old: its client comes back and starts afresh
            events.publish("ingest", "last")
            assert await quick.next() == ("ingest", "last")
        assert len(events) == 0

    asyncio.run(run())


def test_places_are_bounded_and_given_back() -> None:
    events = Events(most_subscribers=2)
    with events.subscriber(), events.subscriber():
        assert events.is_full
    assert not events.is_full


def test_a_stream_that_begins_during_an_outage_says_so() -> None:
    async def run() -> None:
        freshness = known(7)
        freshness.reachable = False
        pieces = stream(Events(), freshness)
        assert (await take(pieces, 3))[1:] == [
            "id: 7\nevent: data_version\ndata: 7\n\n",
            "event: database\ndata: unavailable\n\n",
        ]

    asyncio.run(run())


def test_a_stream_begins_with_the_present_data_version() -> None:
    async def run() -> list[str]:
        events = Events()
        pieces = stream(events, known(42))
        first = await take(pieces, 2)
        events.publish("data_version", "43")
        first += await take(pieces, 1)
        events.close()
        assert [piece async for piece in pieces] == []
        return first

    assert asyncio.run(run()) == [
        "retry: 2000\n\n",
        "id: 42\nevent: data_version\ndata: 42\n\n",
        "id: 43\nevent: data_version\ndata: 43\n\n",
    ]


def test_a_stream_without_a_known_version_begins_with_nothing_and_beats() -> None:
    async def run() -> list[str]:
        pieces = stream(Events(), known(None), heartbeat_seconds=0.01)
        return await take(pieces, 3)

    assert asyncio.run(run()) == ["retry: 2000\n\n", ": still here\n\n", ": still here\n\n"]


def test_a_client_that_goes_gives_its_place_back() -> None:
    async def run() -> None:
        events = Events()
        pieces = stream(events, known(1))
        await take(pieces, 2)
        assert len(events) == 1
        reading = asyncio.create_task(anext(pieces))
        await asyncio.sleep(0)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        assert len(events) == 0

    asyncio.run(run())


def test_a_stream_that_begins_while_the_process_stops_is_over_at_once() -> None:
    async def run() -> None:
        events = Events()
        events.close()
        assert [event async for event in events.subscribe()] == []
        events.open()
        with events.subscriber() as subscriber:
            events.publish("ingest", "{}")
            assert await subscriber.next() == ("ingest", "{}")

    asyncio.run(run())


def test_data_of_several_lines_stays_one_event() -> None:
    assert format_event("ingest", "a\nevent: forged\r\n\nb") == (
        "event: ingest\ndata: a\ndata: event: forged\ndata: \ndata: b\n\n"
    )
    assert format_event("ingest", "") == "event: ingest\ndata: \n\n"
