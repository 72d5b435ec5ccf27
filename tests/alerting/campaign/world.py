"""What the world of a run is like, and what has to become of it: by the pure transitions, without a database."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from logistics_core.alert_rules.built_in import BUILT_IN
from logistics_core.alert_rules.reading import rule_of_document
from logistics_core.alert_rules.rules import Rule
from logistics_pipeline.alerting.transitions import Change, State, Track, gone, quiet, step
from tests.alerting.campaign.clock import START

KEPT = ("file_failed", "rejects_high")
HARMLESS = tuple(name for name in BUILT_IN if name not in KEPT)
"""Built-in rules that a run has nothing for: they are disabled."""
FAR = 1_000
RULES: Mapping[str, Mapping[str, Any]] = {
    "far": {
        "title": "A vehicle has driven far",
        "watch": {"kind": "metric", "dataset": "vehicle_logs", "metric": "distance", "by": ["vehicle_id"]},
        "when": {"above": FAR},
    },
    "failed_for_long": {
        "title": "A file has failed for a while",
        "watch": {"kind": "failed_files"},
        "for": "10m",
        "keepFor": "10m",
        "severity": "info",
    },
}
"""Those of a run, besides built-in ones, from its begin."""
MORE_RULES: Mapping[str, Mapping[str, Any]] = {
    "also_failed": {"title": "Also failed", "watch": {"kind": "failed_files"}, "groupBy": ["dataset"]},
    "lost": {
        "title": "Of a dataset that is not there",
        "watch": {"kind": "metric", "dataset": "nowhere", "metric": "distance"},
        "unknownFor": "10m",
    },
    "very_far": {**RULES["far"], "when": {"above": 2 * FAR}, "keepFor": "10m", "groupBy": ["rule"]},
}
"""Rules that come and go."""

Key = tuple[str, str]
"""Rule and labels."""


@dataclass
class Figures:
    """Distance by vehicle, on the newest day."""

    distances: dict[str, int] = field(default_factory=lambda: {"v1": 10, "v2": 20})


@dataclass
class Incident:
    """An incident that there has to be."""

    is_open: bool = True
    is_announced: bool = False
    is_settled: bool = False

    @property
    def facts(self) -> tuple[bool, bool, bool]:
        return self.is_open, self.is_announced, self.is_settled


@dataclass
class Silence:
    """Of all subjects with these labels."""

    labels: dict[str, str]
    ends_at: datetime

    def covers(self, key: Key, moment: datetime) -> bool:
        return moment < self.ends_at and self.labels.items() <= json.loads(key[1]).items()


@dataclass
class World:
    """Files, figures, rules, silences and the hour; and what follows from them."""

    moment: datetime = START
    files: dict[str, str] = field(default_factory=dict)
    """By path: `good`, `failed`, or `rejects`."""
    figures: Figures = field(default_factory=Figures)
    rules: dict[str, Rule] = field(default_factory=dict)
    silences: list[Silence] = field(default_factory=list)
    tracks: dict[Key, Track] = field(default_factory=dict)
    incidents: dict[tuple[str, str, str], list[Incident]] = field(default_factory=dict)
    """By rule, labels and kind, the oldest first."""

    def take_rule(self, name: str, document: Mapping[str, Any]) -> None:
        self.rules[name] = rule_of_document({**BUILT_IN.get(name, {}), **document}, name)

    def remove_rule(self, name: str) -> None:
        """What it had open is over, whoever waits for it to be over."""
        del self.rules[name]
        self.tracks = {key: track for key, track in self.tracks.items() if key[0] != name}
        for (rule, _, _), incidents in self.incidents.items():
            if rule == name:
                for each in incidents:
                    each.is_open, each.is_settled = False, True

    def look(self) -> None:
        """All rules are evaluated: once or more often is the same."""
        for name, rule in self.rules.items():
            self._look(name, rule)

    def _look(self, name: str, rule: Rule) -> None:
        found = self._observe(rule)
        for key, value in found.items():
            before = self.tracks.get((name, key), quiet(self.moment))
            fires = before.state in (State.FIRING, State.RECOVERING)
            holds = None if value is None else rule.condition.holds(value, fires=fires)
            self._take((name, key), *step(before, holds, self.moment, rule.timing))
        if "{}" not in found or found["{}"] is not None:
            for known in [key for key in self.tracks if key[0] == name and key[1] not in found]:
                self._take(known, *gone(self.tracks[known], self.moment))
        self._announce(name)

    def _observe(self, rule: Rule) -> dict[str, float | None]:
        """The subjects of a rule by their labels, with their values."""
        kind = rule.watch.kind.value
        if kind == "metric":
            if rule.watch.dataset != "vehicle_logs":
                return {"{}": None}
            return {as_text({"vehicle_id": vehicle}): far for vehicle, far in self.figures.distances.items()}
        wanted, value = {"failed_files": ("failed", 1.0), "rejected_share": ("rejects", 25.0)}[kind]
        return {
            as_text({"dataset": "shipments", "file": path}): value
            for path, state in self.files.items()
            if state == wanted
        }

    def _take(self, key: Key, track: Track, changes: tuple[Change, ...]) -> None:
        if track.is_quiet:
            self.tracks.pop(key, None)
        else:
            self.tracks[key] = track
        for change in changes:
            kind = "unknown" if change in (Change.UNKNOWN_OPENED, Change.UNKNOWN_RESOLVED) else "condition"
            of_subject = self.incidents.setdefault((*key, kind), [])
            if change in (Change.OPENED, Change.UNKNOWN_OPENED):
                of_subject.append(Incident())
            else:
                of_subject[-1].is_open = False

    def _announce(self, name: str) -> None:
        for (rule, labels, _), incidents in self.incidents.items():
            for each in incidents if rule == name else ():
                if each.is_open and not any(silence.covers((rule, labels), self.moment) for silence in self.silences):
                    each.is_announced = True
                if not each.is_open:
                    each.is_settled = True

    # -- as the database has it ----------------------------------------------------------------------------------------

    def states(self) -> dict[Key, tuple[str, datetime, datetime | None, bool]]:
        return {
            key: (track.state.value, track.since, track.unknown_since, track.unknown_fires)
            for key, track in self.tracks.items()
        }

    def all_incidents(self) -> Iterator[tuple[tuple[str, str, str], tuple[bool, bool, bool]]]:
        for key, incidents in self.incidents.items():
            for each in incidents:
                yield key, each.facts

    def pass_time(self, length: timedelta) -> None:
        self.moment += length


def as_text(labels: Mapping[str, Any]) -> str:
    """Labels as one text, the same for the same labels."""
    return json.dumps(labels, sort_keys=True)
