"""Pages that an API got wrong must not be what the next run goes on with."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from logistics_pipeline.sources.ledger.pulls import PullState
from tests.sources.campaign.run import COLUMNS, FIELDS, PAGINATIONS
from tests.sources.servers import faults
from tests.sources.servers.fleet import Fleet, fleet_of
from tests.sources.servers.fleet_api import FleetApi
from tests.sources.servers.http import ApiServer, Request, Response
from tests.sources.site import Site


def definition(url: str, **keys: Any) -> dict[str, Any]:
    resource = {
        "name": "trips", "dataset": "trips", "path": "/trips", "records": "data", "key": ["id"], "fields": FIELDS,
        "pagination": PAGINATIONS["nextUrl"],
        "incremental": {"field": "updatedAt", "parameter": "updatedSince", "until": "updatedBefore", "lookback": "1h"},
    }  # fmt: skip
    return {"kind": "rest", "baseUrl": url, "private": True, "resources": [resource | keys]}


def count(site: Site) -> int:
    rows = site.rows("trips", COLUMNS)
    assert len(set(rows)) == len(rows)
    return len(rows)


@pytest.fixture
def fleet() -> Fleet:
    return fleet_of(vehicles=3, trips=40)


def test_a_page_that_leads_back_is_not_gone_on_from(site: Site, fleet: Fleet) -> None:
    api = FleetApi(fleet, "nextUrl", size=10)
    answers: list[Response] = []

    def handle(request: Request) -> Response:
        answers.append(api(request))
        return answers[0] if len(answers) == 3 else answers[-1]  # the third page is the first one again

    with ApiServer(handle) as server:
        path = site.write_definition("fleet", definition(server.url))

        assert [(each.state, each.error_kind) for each in site.pull(path)] == [(PullState.FAILED, "loop")]
        assert [each.state for each in site.pull(path)] == [PullState.COMPLETE]
    assert count(site) == 40


def test_a_clock_that_is_ahead_leaves_no_gap(site: Site, fleet: Fleet) -> None:
    fleet.now = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
    skewed = faults.clock_skew(30 * 24 * 3600)
    api = FleetApi(fleet, "nextUrl", size=10)
    with ApiServer(lambda request: skewed(request, api)) as server:
        incremental = {"field": "updatedAt", "parameter": "updatedSince", "lookback": "1h"}
        path = site.write_definition("fleet", definition(server.url, incremental=incremental))
        site.pull(path)
        fleet.now = datetime.now(UTC).replace(microsecond=0)
        fleet.add_trips(5, seconds_between=0)
        site.pull(path)
    assert count(site) == 45


def test_a_walk_that_lacks_records_is_not_taken_for_whole_by_the_next_run(site: Site, fleet: Fleet) -> None:
    api = FleetApi(fleet, "nextUrl", size=10, gives_total=True)
    losing = True

    def handle(request: Request) -> Response:
        api.drops_next = losing and "cursor" not in request.query
        return api(request)

    with ApiServer(handle) as server:
        path = site.write_definition("fleet", definition(server.url, total="total"))

        assert [(each.state, each.error_kind) for each in site.pull(path)] == [(PullState.FAILED, "incomplete")]
        losing = False
        fleet.tick(24 * 3600)
        assert [each.state for each in site.pull(path)] == [PullState.COMPLETE]
    assert count(site) == 40
