"""What each operation does for callers that may see some rows only. What is not declared here is refused to them."""

from collections.abc import Mapping
from enum import StrEnum

from logistics_api.row_access.permitted import refused
from logistics_core.catalogue import Catalogue


class Narrowing(StrEnum):
    """How an operation keeps to the rows that a caller may see."""

    NARROWED = "narrowed"
    """It answers from the permitted rows alone (`PermittedRows`)."""
    WITHOUT_ROWS = "without rows"
    """It holds neither rows nor figures made of them."""
    REFUSED = "refused"
    """It holds all rows, or what was made of all."""


_NARROWED = (
    *("answer_board", "read_dataset_metrics", "read_key_figures", "read_metric_catalogue"),
    # what is about the permitted rows alone
    *("list_incidents", "read_feed", "read_incident"),
)

_WITHOUT_ROWS = (
    *("add_board", "change_board", "delete_board", "export_board", "list_boards", "read_board"),
    *("close_session", "open_session", "read_session"),
    # the inbox holds what is for the person alone or about rows that they may see, and leaves out the rest
    *("change_my_notifications", "list_my_messages", "mark_my_messages", "read_my_notifications", "send_test_message"),
    *("add_push_subscription", "remove_push_subscription", "subscribe_again"),
    *("read_datasets", "read_index", "read_measures"),
    *("read_health", "read_inference_live", "read_inference_ready", "read_readiness"),
)

_REFUSED = (
    # figures of the built-in pages, computed from all rows by each refresh
    *("read_cost_overview", "read_daily_figures", "read_dashboard", "read_series", "read_summary"),
    *("read_route_cost_value", "read_route_details", "read_route_matrix", "read_route_optimization"),
    *("read_route_reliability", "read_shipment_analytics", "read_shipment_routes", "read_top_routes"),
    *("read_vehicle_details", "read_vehicle_metrics"),
    # files, what was rejected of them, and what happens
    *("export_rejects", "forget_file", "list_batches", "list_cleared_values", "list_files", "list_rejects"),
    *("make_upload_address", "read_events", "read_file", "read_file_request", "read_ingestion_stats", "read_metrics"),
    *("read_system_status", "read_upload", "retry_file", "summarise_rejects", "unload_file", "upload_file"),
    # contracts with their examples of values, profiles, quality
    *("accept_proposal", "answer_proposal", "dismiss_proposal", "edit_proposal", "list_contracts", "list_proposals"),
    *("propose_contract", "read_contract_proposal", "read_contract_request", "read_dataset_contract"),
    *("list_daily_quality", "list_file_quality", "read_dataset_profile", "read_dataset_quality", "read_quality"),
    *("retire_dataset", "try_proposal"),
    # alerts and messages
    *("acknowledge_incident", "add_silence", "assign_incident", "comment_on_incident", "end_silence"),
    *("list_endpoints", "list_messages", "list_rules", "list_silences"),
    *("add_rule", "change_rule", "list_written_rules", "read_rule", "remove_rule", "read_trial", "request_trial"),
    *(
        "add_window",
        "end_window",
        "list_mail_suppressions",
        "list_template_versions",
        "list_board_reports",
        "list_windows",
        "read_report_edition",
        "read_report_preview",
        "read_report_preview_page",
        "read_template_preview",
        "request_report_preview",
        "request_template_preview",
        "restore_templates",
    ),
    # who changed what
    *("export_audit_entries", "export_audit_table", "list_audit_entries"),
    # the identities of things, and systems
    *("accept_identity_proposal", "list_identities", "list_identity_proposals", "list_links", "list_things"),
    *("list_unlinked", "make_link", "read_thing", "reject_identity_proposal"),
    *("list_pulls", "list_sources", "pull_source", "read_pull", "read_pull_request", "read_source"),
    # forecasts, models and history
    *("list_forecasts", "read_forecast_accuracy", "read_forecasts"),
    *("cancel_model_job", "infer", "infer_by_version", "list_model_predictions", "list_models", "list_odd_values"),
    *("read_inference_model", "read_inference_model_ready", "read_inference_server", "read_inference_version"),
    *("read_model", "read_model_accuracy", "read_model_history", "read_model_job", "read_model_job_result"),
    *("read_model_version", "request_model_job"),
    *("list_histories", "read_figure_history", "read_record_history"),
)


def narrowings(catalogue: Catalogue) -> dict[str, Narrowing]:
    """What each operation does, by its name: those of all APIs, and those of the datasets."""
    found = dict.fromkeys(_REFUSED, Narrowing.REFUSED)
    for dataset in catalogue.values():
        found[f"read_{dataset.singular}_timeline"] = Narrowing.REFUSED
        of_rows = f"read_{dataset.name}", f"read_{dataset.singular}", f"export_{dataset.name}"
        found |= dict.fromkeys(of_rows, Narrowing.NARROWED)
    found |= dict.fromkeys(_NARROWED, Narrowing.NARROWED)
    return found | dict.fromkeys(_WITHOUT_ROWS, Narrowing.WITHOUT_ROWS)


def check_operation(name: str, declared: Mapping[str, Narrowing]) -> None:
    """Refuses an operation to callers that may see some rows only, unless it is declared otherwise.

    Raises:
        Problem: 403.
    """
    if declared.get(name, Narrowing.REFUSED) is Narrowing.REFUSED:
        raise refused(
            f"the answer of {name}",
            "Ask for metrics, key figures, rows, exports or the answers of a board: docs/security.md lists them.",
        )
