"""One run: a random API and definition, pulls that are struck and taken up again, and the comparison."""

import threading
import traceback
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from logistics_pipeline.sources.ledger.pulls import PullState
from tests.sources.campaign.kinds import KINDS, Kind
from tests.sources.campaign.process import Ending, PullingProcess
from tests.sources.servers import access, faults
from tests.sources.servers.fleet import Fleet, fleet_of
from tests.sources.servers.fleet_api import FleetApi
from tests.sources.servers.http import ApiServer, Handle, Request, Response
from tests.sources.servers.limits import RateLimit
from tests.sources.site import Site

MAX_CALLS = 30
"""So often a pull is called again; each strike costs one call at most."""
MOST_MEMORY_BYTES = 192 << 20
COLUMNS = ("vehicle_id", "started_at", "distance_km", "fuel_litres", "status", "updated_at")
SECRETS = {"key": "k3y-of-the-fleet", "user": "fleet", "password": "p4ss-of-the-fleet", "token": "t0ken-of-the-fleet"}


@dataclass
class Result:
    """What one run has shown."""

    number: int
    kind: str
    story: str = ""
    strikes: int = 0
    calls: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    unseen: bool = False
    memory_bytes: int = 0
    trouble: str = ""

    @property
    def is_good(self) -> bool:
        return not (self.lost or self.doubled or self.wrong or self.unseen or self.trouble)


class Run:
    """All that is random comes from the seed and the number."""

    def __init__(self, site: Site, seed: int, number: int) -> None:
        self.site, self.chance = site, Random(f"sources {seed} {number}")
        self.kind: Kind = KINDS[number % len(KINDS)]
        self.result = Result(number, self.kind.name)
        chance = self.chance
        self.style = chance.choice(self.kind.styles)
        self.authentication = chance.choice(self.kind.authentications)
        self.fleet: Fleet = fleet_of(chance.randint(1, 6), chance.randint(1, 120), seed=number)
        self.gives_total = self.kind.gives_total if self.kind.gives_total is not None else chance.random() < 0.5
        self.size = chance.randint(2, 25)
        self.is_snapshot = chance.random() < 0.15
        self.changes = self.kind.name in ("records change meanwhile", "pages shift") or chance.random() < 0.3
        self.kills = chance.randint(1, 3) if self.kind.name == "killed" else int(chance.random() < 0.2)
        self.tokens = access.TokenEndpoint(refresh_token="r3fresh-0", says_lifetime=chance.random() < 0.5)
        self.api = FleetApi(
            self.fleet, self.style, self.size, gives_total=self.gives_total, on_request=self._on_request
        )
        self.api.gives_etag = chance.random() < 0.3
        self.changes_left = 40
        """An API that grows faster than it is read would never be read to its end."""
        self.is_calm = False
        self.strikes_left = chance.randint(*self.kind.strikes)
        self.is_row = False
        self.process: PullingProcess | None = None
        self._starting = threading.Lock()
        self._seen: Counter[str] = Counter()

    def __call__(self) -> Result:
        try:
            self.site.clear()
            with self._server() as server:
                self.server: ApiServer = server
                self.path = self.site.write_definition("fleet", self._definition())
                self._pull_under_faults()
                self._mend()
                self.judge()
                for error in server.errors:
                    raise error
        except Exception:  # noqa: BLE001 - the edge: a run that fails is a finding, and the next one goes on
            self.result.trouble = traceback.format_exc()
        return self.result

    # -- the server ----------------------------------------------------------------------------------------------------

    def _server(self) -> ApiServer:
        handle: Handle = self.api
        if self.kind.name == "page repeated":
            self._repeated = faults.Repeated(handle)
            handle = self._repeated
        handle = self._struck(handle)
        if self.chance.random() < 0.04:
            handle = RateLimit(handle, self.chance.randint(3, 8), 1, self.chance.choice(["ratelimit", "seconds"]))
        handle = self._guarded(handle)
        if not self.kind.is_tls:
            return ApiServer(handle)
        good, bad = self.site.certificates.good, list(self.site.certificates.bad.items())

        def choose(connection: int) -> Any:
            if self._strikes():
                name, context = self.chance.choice([*bad, ("no handshake", None)])
                self.result.story += f", {name}"
                return context
            return good

        return ApiServer(handle, tls=choose)

    def _guarded(self, handle: Handle) -> Handle:
        checks = {
            "none": access.anyone,
            "header": access.header("X-Fleet-Key", SECRETS["key"]),
            "query": access.query("key", SECRETS["key"]),
            "basic": access.basic(SECRETS["user"], SECRETS["password"]),
            "bearer": access.bearer(SECRETS["token"]),
        }
        is_allowed = checks.get(self.authentication, self.tokens.is_allowed)
        protected = access.protected(handle, is_allowed)
        return lambda request: self.tokens(request) if request.path == "/token" else protected(request)

    def _strikes(self) -> bool:
        """Whether the fault strikes now: so often as is left, once begun one after the other if it is of that kind."""
        if self.is_calm or self.strikes_left <= 0:
            return False
        if not (self.kind.in_a_row and self.is_row) and self.chance.random() > 0.25:
            return False
        self.is_row = True
        self.strikes_left -= 1
        self.result.strikes += 1
        return True

    def _struck(self, handle: Handle) -> Handle:
        """The handler with the faults of the kind."""

        def answer(request: Request) -> Response:
            if self.kind.name == "clock skew" and not self.is_calm and self.kind.make:
                self.result.strikes += 1
                return self.kind.make(self.chance)(request, handle)
            if self.kind.make is not None and self._strikes():
                return self.kind.make(self.chance)(request, handle)
            if self.kind.name == "page repeated" and request.query.keys() & _POSITIONS and self._strikes():
                self._repeated.is_armed = True
            if self.kind.name == "page dropped" and self._strikes():
                self.api.drops_next = True
            if self.kind.name == "pages go round" and self._strikes():
                self.api.goes_round = True
            response = handle(request)
            self.api.drops_next = self.api.goes_round = False
            return response

        return answer

    def _on_request(self, request: Request) -> None:
        """What happens while a page is made: records change, tokens end, the pulling process dies."""
        if self.is_calm:
            return
        chance = self.chance
        if self.changes_left and self.changes and chance.random() < 0.4:
            self.changes_left -= 1
            self.fleet.tick(chance.choice([0, 1, 30]))
            self.fleet.add_trips(chance.randint(0, 3), chance.choice([0, 1]))
            if self.kind.name != "pages shift" or chance.random() < 0.7:
                self.fleet.change_trips(chance.randint(0, 3), chance.choice([0, 1]))
            if chance.random() < 0.3:
                self.fleet.backdate(chance.randint(0, 600))
        if self.kind.name == "token expires" and self._strikes():
            self.tokens.expire_all()
        if self.kills and chance.random() < 0.3 and self.process is not None:
            self.kills -= 1
            self.result.story += f", killed at request {request.number}"
            with self._starting:
                self.process.kill()

    # -- the definition ------------------------------------------------------------------------------------------------

    def _definition(self) -> dict[str, Any]:
        chance = self.chance
        document: dict[str, Any] = {"kind": "rest", "baseUrl": self.server.url, "private": True}
        document |= self._authentication()
        document["retries"] = {"attempts": chance.randint(2, 6), "longest": "20s"}
        document["timeout"] = {"connect": "2s", "read": "0.3s" if self.kind.make and chance.random() < 0.7 else "1s",
                               "page": "5s"}  # fmt: skip
        document["limits"] = {"longestWait": "3s"}
        if self.kind.is_tls:
            document["tls"] = {"caFile": str(self.site.certificates.ca_file)}
        pagination = dict(PAGINATIONS[self.style])
        if "parameter" in pagination and chance.random() < 0.8:
            pagination |= {"sizeParameter": "limit", "size": self.size}
            if self.style == "offset" and self.size > 3:
                pagination["overlap"] = chance.randint(0, 2)
        resource: dict[str, Any] = {
            "name": "trips", "dataset": "trips", "path": "/trips", "records": "data", "key": ["id"],
            "error": "error.message", "fields": FIELDS,
        }  # fmt: skip
        if self.style != "none":
            resource["pagination"] = pagination
        if self.gives_total:
            resource["total"] = "total"
        if self.is_snapshot:
            resource["mode"] = "snapshot"
        else:
            resource["incremental"] = self._incremental()
        document["resources"] = [resource]
        self.result.story = f"{self.style}, {self.authentication}, {resource.get('mode', 'changes')}, " + (
            f"{len(self.fleet.trips)} trips in pages of {self.size}{self.result.story}"
        )
        return document

    def _incremental(self) -> dict[str, Any]:
        keys = {"field": "updatedAt", "parameter": "updatedSince", "start": "2026-02-28", "lookback": "3h"}
        if self.chance.random() < 0.7:
            keys["until"] = "updatedBefore"
            if self.chance.random() < 0.2:
                keys["step"] = "1d"
        return keys

    def _authentication(self) -> dict[str, Any]:
        secret = f"file:{self.site.folder / 'secret.txt'}"
        value = {"basic": SECRETS["password"], "bearer": SECRETS["token"]}.get(self.authentication, SECRETS["key"])
        oauth = {"tokenUrl": f"{self.server.url}/token", "clientId": self.tokens.client_id, "clientSecret": secret}
        known = {
            "header": {"type": "apiKey", "name": "X-Fleet-Key", "token": secret},
            "query": {"type": "apiKey", "in": "query", "name": "key", "token": secret},
            "basic": {"type": "basic", "username": SECRETS["user"], "password": secret},
            "bearer": {"type": "bearer", "token": secret},
            "oauth2ClientCredentials": {"type": self.authentication, **oauth},
            "oauth2Refresh": {
                "type": self.authentication, **oauth, "refreshToken": f"file:{self.site.folder / 'refresh.txt'}"
            },
        }  # fmt: skip
        if self.authentication.startswith("oauth2"):
            value = self.tokens.client_secret
        (self.site.folder / "secret.txt").write_text(value)
        (self.site.folder / "refresh.txt").write_text(self.tokens.refresh_token)
        found = known.get(self.authentication)
        return {"authentication": found} if found else {}

    # -- pulls ---------------------------------------------------------------------------------------------------------

    def _pull_under_faults(self) -> None:
        """Pulls until a pull has ended well and nothing is left to strike with; loads at times."""
        for _ in range(MAX_CALLS):
            ending = self._pull()
            if ending.text in (PullState.COMPLETE, PullState.UNCHANGED):
                if self.chance.random() < 0.5:
                    self.site.load()
                if self.strikes_left <= 0 or self.chance.random() < 0.3:
                    return
                self.fleet.tick(self.chance.choice([1, 60, 600]))
                self.fleet.add_trips(self.chance.randint(0, 30))
        # A source that fails for so long goes on failing: what counts is what comes after.

    def _pull(self) -> Ending:
        self.result.calls += 1
        with self._starting:
            self.process = PullingProcess(self.site.url, self.path, "trips", self.site.options)
        ending = self.process.wait()
        if ending.kind == "raised":
            raise AssertionError(ending.text)
        self.result.memory_bytes = max(self.result.memory_bytes, ending.memory_bytes)
        return ending

    def _mend(self) -> None:
        """The source is well again and at rest: pulls as they would follow, until two have ended well."""
        self.is_calm = True
        self.fleet.tick(5 * 3600)  # what was not read before is older than the lookback
        done = 0
        for _ in range(6):
            ending = self._pull()
            done += ending.text in (PullState.COMPLETE, PullState.UNCHANGED)
            self.fleet.tick(60)
            if done == 2:
                break
        assert done == 2, f"pulls from a source that is well did not end: {self._errors()}"
        self.site.load()

    def _errors(self) -> list[str]:
        return [f"{each.state}: {each.error}" for each in self.site.pulls() if each.error]

    # -- the comparison ------------------------------------------------------------------------------------------------

    def judge(self) -> None:
        found = self.site.rows("trips", COLUMNS)
        expected = {
            (each.vehicle_id, each.started_at): (
                each.vehicle_id, each.started_at, each.distance_km, each.fuel_litres, each.status, each.updated_at
            )
            for each in self.fleet.trips.values()
        }  # fmt: skip
        keys = Counter((row[0], row[1]) for row in found)
        self.result.lost = [str(key) for key in expected if key not in keys]
        self.result.doubled = [str(key) for key, count in keys.items() if count > 1 or key not in expected]
        rows = {(row[0], row[1]): _plain(row) for row in found}
        self.result.wrong = [
            f"{rows[key]}, not {wanted}"
            for key, wanted in expected.items()
            if key in rows and rows[key] != _plain(wanted)
        ]
        pulls = self.site.pulls()
        is_seen = any(each.warnings or each.attempts > 1 or each.requests > each.pages for each in pulls)
        self.result.unseen = self.kind.must_be_seen and self._effective_strikes() > 0 and not is_seen
        troubles = self.site.contradictions() + [
            f"page {each} is not in the archive" for each in self.site.missing_pages()
        ]
        if self.result.memory_bytes > MOST_MEMORY_BYTES:
            troubles.append(f"a pull took {self.result.memory_bytes >> 20} MiB of memory")
        self.result.trouble = "; ".join(troubles)

    def _effective_strikes(self) -> int:
        """Those that changed what the API answered: there may have been no page to drop, and none to go back to."""
        if self.kind.name in ("page dropped", "pages go round"):
            return self.api.pages_misled
        return self.result.strikes


def _plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """With times and numbers as texts."""
    return tuple(_text(value) for value in row)


def _text(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if value is None or isinstance(value, str) else str(float(value))


_POSITIONS = {"page", "offset", "cursor", "after"}
FIELDS = {
    "vehicle_id": "vehicle.id",
    "started_at": "startedAt",
    "distance_km": {"path": "distanceMeters", "unit": "m to km"},
    "fuel_litres": "fuelLitres",
    "status": "status",
    "updated_at": "updatedAt",
}
PAGINATIONS: dict[str, dict[str, Any]] = {
    "none": {},
    "page": {"type": "page", "parameter": "page"},
    "offset": {"type": "offset", "parameter": "offset"},
    "cursor": {"type": "cursor", "parameter": "cursor", "next": "meta.nextCursor"},
    "cursorHeader": {"type": "cursor", "parameter": "cursor", "nextHeader": "X-Next-Cursor"},
    "linkHeader": {"type": "linkHeader"},
    "nextUrl": {"type": "nextUrl", "next": "next"},
    "keyset": {"type": "keyset", "parameter": "after", "key": "id"},
}
