"""What the API relies on in the schema that the pipeline's migrations create."""

from collections.abc import Mapping

SCHEMA_VERSION = "0044"
"""The schema version (`sql/migrations`) whose tables the API's statements read."""

API_READS: Mapping[str, frozenset[str]] = {
    "access.audit": frozenset(
        {
            "action",
            "actor",
            "actor_kind",
            "after",
            "before",
            "changed_at",
            "entry_id",
            "login",
            "object",
            "object_kind",
            "person_id",
            "request_id",
        }
    ),
    "access.group_row_access": frozenset({"group_name", "row_access"}),
    "access.keys": frozenset(
        {"digest", "expires_at", "key_id", "name", "requests_per_second", "revoked_at", "row_access", "scopes"}
    ),
    "access.people": frozenset({"disabled_at", "email", "groups", "locale", "name", "person_id", "zone"}),
    "access.sessions": frozenset({"digest", "ended_at", "ends_at", "idle_ends_at", "method", "person_id"}),
    "alert.evaluations": frozenset({"error", "evaluated_at", "rule", "subjects"}),
    "alert.events": frozenset({"at", "author", "incident_id", "kind", "number", "text", "value"}),
    "alert.heartbeats": frozenset({"at", "duty", "problem", "worker"}),
    "alert.incidents": frozenset(
        {
            "about_rows",
            "acknowledged_at",
            "acknowledged_by",
            "announced_at",
            "assigned_to",
            "chart",
            "closed_at",
            "closed_because",
            "data_version",
            "facts",
            "held_because",
            "incident_id",
            "kind",
            "labels",
            "opened_at",
            "path",
            "rule",
            "rule_version",
            "severity",
            "summary",
            "title",
            "value",
        }
    ),
    "alert.rules": frozenset(
        {"changed_at", "changed_by", "definition", "enabled", "name", "origin", "problem", "removed_at", "version"}
    ),
    "alert.rule_versions": frozenset({"author", "definition", "name", "since", "version"}),
    "alert.silences": frozenset(
        {"author", "ended_at", "ends_at", "labels", "made_at", "reason", "rule", "silence_id", "starts_at"}
    ),
    "alert.trials": frozenset(
        {
            "days",
            "error",
            "finished_at",
            "name",
            "requested_at",
            "requested_by",
            "result",
            "state",
            "trial_id",
        }
    ),
    "alert.windows": frozenset(
        {"author", "ended_at", "ends_at", "hours", "labels", "made_at", "reason", "rule", "window_id"}
    ),
    "analytics.daily_routes": frozenset(
        {
            "cost_count",
            "cost_sum",
            "cost_with_time",
            "cost_with_weight",
            "day",
            "delivery_count",
            "delivery_max",
            "delivery_min",
            "delivery_squares",
            "delivery_sum",
            "delivery_times",
            "destination",
            "origin",
            "route",
            "shipments",
            "time_with_cost",
            "vehicles",
            "weight_count",
            "weight_sum",
            "weight_with_cost",
        }
    ),
    "analytics.daily_vehicles": frozenset(
        {
            "cost_count",
            "cost_sum",
            "cost_with_mileage",
            "day",
            "delivery_count",
            "delivery_sum",
            "fuel_count",
            "fuel_sum",
            "fuel_with_mileage",
            "mileage_count",
            "mileage_sum",
            "mileage_with_cost",
            "mileage_with_fuel",
            "shipments",
            "trips",
            "vehicle_id",
        }
    ),
    "analytics.days": frozenset(
        {
            "carrier_set",
            "cost_count",
            "cost_sum",
            "cost_with_mileage",
            "cost_with_weight",
            "day",
            "delivery_count",
            "delivery_sum",
            "fuel_count",
            "fuel_sum",
            "fuel_with_mileage",
            "mileage_count",
            "mileage_sum",
            "mileage_with_cost",
            "mileage_with_fuel",
            "shipments",
            "trips",
            "vehicle_set",
            "vehicles",
            "weight_with_cost",
        }
    ),
    "analytics.rollup_datasets": frozenset({"checksum", "dataset", "dated", "first_day", "last_day", "records"}),
    "analytics.rollups": frozenset({"dataset", "document", "replaced_at", "rows", "table_name"}),
    "analytics.routes": frozenset({"delivery_count", "delivery_sum", "destination", "origin", "route"}),
    "analytics.status": frozenset(
        {
            "data_version",
            "error_message",
            "first_day",
            "full_refresh_due",
            "last_calculated_at",
            "seconds",
            "started_calculating_at",
            "unassigned_shipments",
        }
    ),
    "analytics.vehicle_numbers": frozenset({"number", "vehicle_id"}),
    "forecast.accuracy": frozenset(
        {
            "absolute",
            "actual",
            "error",
            "first_absolute",
            "interval_score",
            "level",
            "naive_absolute",
            "run_id",
            "series",
            "step",
            "within_80",
            "within_90",
        }
    ),
    "forecast.actuals": frozenset(
        {
            "absolute",
            "error",
            "first_value",
            "forecasts",
            "interval_score",
            "naive_absolute",
            "period",
            "series_id",
            "value",
            "within_80",
            "within_90",
        }
    ),
    "forecast.forecasts": frozenset(
        {
            "bias",
            "coverage_80",
            "coverage_90",
            "error",
            "method",
            "naive",
            "naive_error",
            "number",
            "parts",
            "point",
            "quantiles",
            "reason",
            "run_id",
            "series_id",
            "steps",
        }
    ),
    "forecast.runs": frozenset(
        {
            "backtest",
            "code_version",
            "data_version",
            "dataset",
            "first_period",
            "grain",
            "horizon",
            "issued_at",
            "last_period",
            "levels",
            "memory_bytes",
            "methods",
            "metric",
            "probabilities",
            "reconciled_by",
            "run_id",
            "seconds",
            "series",
            "together",
        }
    ),
    "forecast.scores": frozenset(
        {
            "actual",
            "error",
            "first_error",
            "interval_score",
            "is_within_80",
            "is_within_90",
            "naive_error",
            "period",
            "run_id",
            "series_id",
            "step",
        }
    ),
    "forecast.series": frozenset(
        {
            "dataset",
            "grain",
            "is_rest",
            "key",
            "level",
            "metric",
            "naive_reason",
            "naive_set_at",
            "naive_since",
            "series_id",
        }
    ),
    "identity.current_links": frozenset({"entity", "external_id", "master_key", "system"}),
    "identity.links": frozenset(
        {
            "author",
            "entity",
            "external_id",
            "file_id",
            "link_id",
            "made_at",
            "master_key",
            "reason",
            "record_no",
            "refreshed_as",
            "source",
            "system",
            "withdrawn_at",
        }
    ),
    "identity.newest_links": frozenset({"entity", "external_id", "link_id", "master_key", "system"}),
    "identity.proposals": frozenset(
        {
            "decided_at",
            "decided_by",
            "entity",
            "evidence",
            "external_id",
            "link_id",
            "master_key",
            "proposal_id",
            "proposed_at",
            "reason",
            "rule",
            "similarity",
            "state",
            "system",
        }
    ),
    "ingest.alembic_version": frozenset({"version_num"}),
    "ingest.batches": frozenset(
        {"batch_id", "committed_at", "file_id", "last_record", "merged", "records", "refreshed_as"}
    ),
    "ingest.cleared_values": frozenset({"field", "file_id", "raw", "reason", "record_no"}),
    "ingest.column_counts": frozenset({"cleared", "cleared_out_of_bounds", "field", "file_id", "filled"}),
    "ingest.file_requests": frozenset(
        {"action", "done_at", "error", "file_id", "outcome", "request_id", "requested_at", "requested_by"}
    ),
    "ingest.file_profiles": frozenset({"fields", "file_id"}),
    "ingest.files": frozenset(
        {
            "attempts",
            "bytes_read",
            "content_hash",
            "dataset",
            "dismissed_at",
            "error",
            "file_id",
            "finished_at",
            "format",
            "is_reload_due",
            "layout",
            "modified_ns",
            "notes",
            "path",
            "records_loaded",
            "records_read",
            "records_rejected",
            "records_superseded",
            "registered_at",
            "retry_requested_at",
            "run_id",
            "seconds",
            "size_bytes",
            "started_at",
            "state",
            "unknown_fields",
            "values_cleared",
            "version",
            "warning",
        }
    ),
    "ingest.histories": frozenset({"dataset", "ended_at", "since_file_id", "started_at"}),
    "ingest.history_gaps": frozenset({"dataset"}),
    "ingest.reference_counts": frozenset({"asked", "field", "file_id", "found"}),
    "ingest.references_counted": frozenset({"counted_at", "dataset"}),
    "ingest.reject_kinds": frozenset({"count", "field", "file_id", "first_record", "kind"}),
    "ingest.places": frozenset({"error", "failing_since", "files", "looked_at", "name", "next_look_at"}),
    "ingest.rejects": frozenset(
        {
            "byte_offset",
            "field",
            "file_id",
            "kind",
            "mended",
            "raw",
            "reason",
            "record_no",
            "rejected_at",
            "resolved_at",
        }
    ),
    "models.aliases": frozenset(
        {
            "alias",
            "alias_id",
            "author",
            "backtest_id",
            "model",
            "reason",
            "since",
            "until",
            "version",
        }
    ),
    "models.artefacts": frozenset(
        {
            "content",
            "format",
            "sha256",
        }
    ),
    "models.backtests": frozenset(
        {
            "backtest_id",
            "compared",
            "data_version",
            "model",
            "overall",
            "reason",
            "records",
            "tested_at",
            "verdict",
            "version",
            "windows",
        }
    ),
    "models.drift": frozenset(
        {
            "input",
            "measured_at",
            "model",
            "psi",
            "records",
            "version",
        }
    ),
    "models.executions": frozenset(
        {
            "executions",
            "kind",
            "memory_bytes",
            "model",
            "queue_seconds",
            "rows",
            "seconds",
            "version",
        }
    ),
    "models.job_results": frozenset(
        {
            "job_id",
            "number",
            "output",
        }
    ),
    "models.jobs": frozenset(
        {
            "attempts",
            "error",
            "finished_at",
            "input",
            "job_id",
            "memory_bytes",
            "model",
            "requested_at",
            "requested_by",
            "rows",
            "rows_done",
            "seconds",
            "started_at",
            "state",
            "version",
        }
    ),
    "models.models": frozenset(
        {
            "data_version",
            "dataset",
            "declaration",
            "is_held",
            "kind",
            "model",
            "retired_at",
            "updated_at",
        }
    ),
    "models.odd_values": frozenset(
        {
            "actual",
            "data_version",
            "day",
            "effect",
            "expected",
            "found_at",
            "key",
            "model",
            "reason",
            "records",
            "score",
            "subject",
            "version",
        }
    ),
    "models.predictions": frozenset(
        {
            "actual",
            "actual_at",
            "inputs",
            "is_ahead",
            "key",
            "late_risk",
            "model",
            "naive",
            "predicted_at",
            "promise",
            "quantiles",
            "started_on",
            "version",
        }
    ),
    "models.scores": frozenset(
        {
            "actual_at",
            "error",
            "is_ahead",
            "is_late",
            "is_within_80",
            "is_within_90",
            "late_risk",
            "model",
            "naive_error",
            "pinball",
            "started_on",
        }
    ),
    "models.transitions": frozenset(
        {
            "author",
            "backtest_id",
            "changed_at",
            "from_state",
            "model",
            "reason",
            "to_state",
            "transition_id",
            "version",
        }
    ),
    "models.versions": frozenset(
        {
            "author",
            "card",
            "code_version",
            "created_at",
            "data_version",
            "first_day",
            "format",
            "input_schema",
            "last_day",
            "memory_bytes",
            "method",
            "model",
            "outputs",
            "seconds",
            "sha256",
            "state",
            "trained_on",
            "version",
        }
    ),
    "notify.attempts": frozenset(
        {
            "begun_at",
            "detail",
            "message_id",
            "number",
            "outcome",
            "seconds",
            "status",
            "template_version",
        }
    ),
    "notify.digests": frozenset(
        {
            "digest_id",
            "kind",
        }
    ),
    "notify.editions": frozenset(
        {
            "content",
            "data_version",
            "edition_id",
            "ended_at",
            "event_id",
            "outcome",
            "reason",
            "report_id",
            "tries",
            "window_at",
        }
    ),
    "notify.endpoints": frozenset(
        {
            "channel",
            "digest",
            "disabled_at",
            "disabled_reason",
            "endpoint_id",
            "failing_since",
            "failures",
            "name",
            "paused_until",
            "person_id",
            "recipients",
            "removed_at",
            "time_zone",
            "title",
        }
    ),
    "notify.events": frozenset(
        {
            "about_rows",
            "event_id",
            "facts",
            "key",
            "occurred_at",
            "path",
            "person_id",
            "published_at",
            "severity",
            "text",
            "thread",
            "title",
            "topic",
        }
    ),
    "notify.messages": frozenset(
        {
            "channel",
            "digest_id",
            "due_at",
            "ended_at",
            "endpoint_id",
            "event_id",
            "message_id",
            "published_at",
            "read_at",
            "reason",
            "recipient",
            "state",
            "thread",
        }
    ),
    "notify.preferences": frozenset(
        {"channels", "language", "person_id", "quiet_from", "quiet_until", "time_zone", "version"}
    ),
    "notify.previews": frozenset(
        {
            "content",
            "finished_at",
            "preview_id",
            "problem",
            "report",
            "requested_at",
            "requested_by",
            "state",
            "title",
        }
    ),
    "notify.push_keys": frozenset({"public_key"}),
    "notify.push_subscriptions": frozenset(
        {"added_at", "digest", "endpoint_id", "name", "person_id", "subscription_id"}
    ),
    "notify.reports": frozenset(
        {
            "board",
            "days",
            "endpoints",
            "name",
            "removed_at",
            "report_id",
            "schedule",
            "time_zone",
            "title",
        }
    ),
    "notify.shared_settings": frozenset({"settings"}),
    "notify.subscriptions": frozenset(
        {
            "endpoint_id",
            "topic",
        }
    ),
    "notify.suppressions": frozenset(
        {
            "endpoint_id",
            "kind",
            "reason",
            "recipient",
            "suppressed_at",
            "suppression_id",
            "topic",
        }
    ),
    "notify.template_previews": frozenset(
        {
            "endpoint",
            "finished_at",
            "message_id",
            "preview_id",
            "problem",
            "requested_at",
            "requested_by",
            "state",
            "text",
            "title",
            "version",
        }
    ),
    "notify.template_versions": frozenset(
        {
            "endpoint_id",
            "made_at",
            "restored_by",
            "restored_from",
            "text_template",
            "title_template",
            "version",
        }
    ),
}
"""Columns per table that the API's statements depend on, outside `raw`, whose columns are those of the catalogue. To
rename, drop or change one of them is to change the API as well; all others belong to the pipeline alone."""
