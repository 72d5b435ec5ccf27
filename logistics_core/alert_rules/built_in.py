"""Rules that every installation has from the start. A file of the same name changes or disables one."""

from collections.abc import Mapping
from typing import Any

BUILT_IN: Mapping[str, Mapping[str, Any]] = {
    "file_failed": {
        "title": "A file has failed",
        "description": "Its records are not in the figures, or only a part of them. `logistics files --state failed` "
        "says why; mend the file or its contract, then `logistics retry`.",
        "watch": {"kind": "failed_files"},
        "severity": "critical",
        "groupBy": ["dataset"],
    },
    "file_unrecognised": {
        "title": "A file belongs to no dataset",
        "description": "Nothing of it is loaded. Rename it, or accept the contract that is proposed for it.",
        "watch": {"kind": "unrecognised_files"},
        "for": "15m",
    },
    "rejects_high": {
        "title": "Many records of a file were rejected",
        "description": "The page Pipeline lists them with their reasons; `logistics rejects` exports them.",
        "watch": {"kind": "rejected_share"},
        "when": {"above": 5},
        "groupBy": ["dataset"],
    },
    "dataset_overdue": {
        "title": "A dataset is overdue",
        "description": "Its files came at a rhythm until now. Is the export, or the source, still running?",
        "watch": {"kind": "overdue_datasets", "windowDays": 60},
        "when": {"above": 3},
    },
    "figures_behind": {
        "title": "Figures are behind",
        "description": "Rows were loaded that no figure counts. Is Dagster's daemon running, and the sensor "
        "`stale_analytics` on?",
        "watch": {"kind": "figures_behind"},
        "when": {"above": 900, "clearBelow": 60},
        "severity": "critical",
    },
    "refresh_failed": {
        "title": "The refresh has failed",
        "description": "The figures are those of the refresh before. The run in Dagster says why.",
        "watch": {"kind": "refresh_failed"},
        "severity": "critical",
    },
    "balance_broken": {
        "title": "Counts of a file do not add up",
        "description": "Records read must be those loaded, superseded and rejected. This must never happen: please "
        "report it.",
        "watch": {"kind": "unbalanced_files"},
        "severity": "critical",
    },
    "contract_question": {
        "title": "A contract waits for a decision",
        "description": "New or changed fields were seen. The page Import asks what they mean.",
        "watch": {"kind": "contract_questions"},
        "severity": "info",
        "for": "1h",
    },
    "source_failing": {
        "title": "A source fails",
        "description": "The page Sources says why and what to do. The next pull goes on where this one failed.",
        "watch": {"kind": "sources_failing"},
        "when": {"above": 900},
        "inhibitedBy": [],
    },
    "place_failing": {
        "title": "A place of files cannot be reached",
        "watch": {"kind": "places_failing"},
        "when": {"above": 900},
    },
    "forecast_worse": {
        "title": "Forecasts are worse than repeating the last season",
        "watch": {"kind": "forecast_error"},
        "when": {"above": 1.0, "clearBelow": 0.98},
        "for": "1d",
        "severity": "info",
    },
    "forecast_set_back": {
        "title": "A series was set back to repeating the last season",
        "description": "Its forecasts had lost to that in each of four weeks. The page Forecasts shows since when.",
        "watch": {"kind": "forecast_set_back"},
        "severity": "info",
        "groupBy": ["dataset", "metric"],
    },
    "quality_low": {
        "title": "The quality of a dataset is below the floor of its contract",
        "description": "The page Pipeline shows the worst rule; `expect: {quality: …}` in the contract is the floor.",
        "watch": {"kind": "quality_shortfall"},
        "when": {"above": 0},
    },
    "fields_changed": {
        "title": "Fields of a file have changed",
        "description": "New, missing, retyped or renamed: has the export changed, or should the contract?",
        "watch": {"kind": "changed_fields"},
        "severity": "info",
        "groupBy": ["dataset"],
        "inhibitedBy": ["contract_question"],
    },
    "model_behind": {
        "title": "A model has not seen the newest records for a day",
        "description": "Is Dagster's daemon running, and the sensor of models on?",
        "watch": {"kind": "models_behind"},
        "when": {"above": 86_400},
    },
    "model_inputs_moved": {
        "title": "New records are of another kind than those a model was trained on",
        "description": "Look at the records; the next training learns from them.",
        "watch": {"kind": "model_drift"},
        "when": {"above": 0.25, "clearBelow": 0.2},
        "for": "1d",
        "severity": "info",
        "groupBy": ["model"],
    },
    "model_worse": {
        "title": "A model is worse than the median of the group",
        "description": "The page Models shows since when; `logistics models rollback` takes the version before.",
        "watch": {"kind": "model_error"},
        "when": {"above": 1.02, "clearBelow": 1.0},
        "for": "1d",
        "severity": "info",
    },
    "dead_letters": {
        "title": "Messages were given up",
        "description": "`logistics notifications dead` lists them; mend the endpoint, then `logistics notifications "
        "resend`.",
        "watch": {"kind": "dead_letters", "windowDays": 7},
    },
    "fuel_off_baseline": {
        "title": "Vehicles drive further or less far with a litre than the week before",
        "description": "More than a fifth, over seven days. Has something changed on the road, or in the records?",
        "watch": {
            "kind": "metric",
            "dataset": "vehicle_logs",
            "metric": "fuel_efficiency",
            "over": 7,
            "compare": "previous",
            "leastRecords": 20,
        },
        "when": {"above": 20, "clearBelow": 15, "below": -20, "clearAbove": -15},
        "severity": "info",
        "unknown": "ok",
    },
    "cost_off_baseline": {
        "title": "The cost per km of a vehicle is off its own baseline",
        "description": "More than half, over seven days against the eight weeks before. Have the prices changed, the "
        "routes, or the records?",
        "watch": {"kind": "cost_per_km", "over": 7, "windowDays": 56, "leastRecords": 20},
        "when": {"above": 50, "clearBelow": 40, "below": -50, "clearAbove": -40},
        "severity": "info",
        "unknown": "ok",
    },
    "volume_outside_forecast": {
        "title": "Shipments are outside their forecast",
        "description": "In at least two of the last three days, the number was outside of what nine of ten days hold.",
        "watch": {"kind": "outside_forecast", "dataset": "shipments", "metric": "shipments", "over": 3},
        "when": {"above": 1},
        "unknown": "ok",
    },
}
