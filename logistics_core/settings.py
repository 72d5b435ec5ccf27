"""Every `LOGISTICS_*` environment variable: its name, type, default and meaning. No other module reads one.

Pipeline and API both read their settings here, and that is all they share besides the database. docs/settings.md lists
the same table; `tests/unit/test_documentation.py` holds the two together.
"""

import json
import re
from collections.abc import Collection, Mapping
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PositiveFloat, PositiveInt
from pydantic_settings import BaseSettings, SettingsConfigDict

from logistics_core.catalogue.model import InvalidValues
from logistics_core.places.secrets import parse_reference
from logistics_core.reject_threshold import RejectThreshold
from logistics_core.resource_files import default_data_dir


class ContractPolicy(StrEnum):
    """What becomes of a proposed contract that leaves no question open."""

    AUTO = "auto"
    REVIEW = "review"


class Scope(StrEnum):
    """What a key of the API may be allowed to do; none contains another."""

    READ = "read"
    EXPORT = "export"
    INGEST = "ingest"
    CONTRACTS = "contracts"
    BOARDS = "boards"
    ALERTS = "alerts"
    AUDIT = "audit"


class Role(StrEnum):
    """What a person who signs in may do: a named set of scopes."""

    VIEWER = "viewer"
    ANALYST = "analyst"
    OPERATOR = "operator"
    ADMIN = "admin"


ROLE_SCOPES: Mapping[Role, frozenset[Scope]] = {
    Role.VIEWER: frozenset({Scope.READ}),
    Role.ANALYST: frozenset({Scope.READ, Scope.EXPORT, Scope.BOARDS}),
    Role.OPERATOR: frozenset({Scope.READ, Scope.EXPORT, Scope.BOARDS, Scope.INGEST, Scope.ALERTS}),
    Role.ADMIN: frozenset(Scope),
}


SCOPES_OF_SOME_ROWS = frozenset({Scope.READ, Scope.EXPORT, Scope.BOARDS})
"""What a caller may do who sees some rows only. The other scopes are about files and contracts, which hold all rows."""


def _check_limit(text: str) -> str:
    if not re.fullmatch(r"[0-9]{1,18}|(100|[0-9]{1,2}(\.[0-9]{1,6})?)%", text, re.ASCII):
        raise ValueError("must be a number of records such as 10000, or a percentage from 0% to 100%")
    return text


def _check_scopes(text: str | None) -> str | None:
    if text is not None and text != "none" and not set(text.split(",")) <= set(Scope):
        raise ValueError(f"must be none, or some of {','.join(Scope)} separated by commas")
    return text


_HOST = r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])"


_ORIGIN = rf"https?://{_HOST}(:[0-9]{{1,5}})?"


def _check_url(text: str | None) -> str | None:
    if text is not None and not re.fullmatch(rf"{_ORIGIN}({PATH_PREFIX})?/?", text, re.ASCII):
        raise ValueError("must be an address such as http://api:8000")
    return text


PATH_PREFIX = r"(/[A-Za-z0-9._~-]*[A-Za-z0-9_~-])+"


def _check_prefix(text: str | None) -> str | None:
    """A path without its last slash; `/` is no prefix."""
    path = None if text is None else text.rstrip("/")
    if path and not re.fullmatch(PATH_PREFIX, path):
        raise ValueError("must be a path such as /logistics: letters, digits, hyphens, dots, underscores and slashes")
    return path


def _check_hosts(text: str | None) -> str | None:
    if text is not None and not re.fullmatch(f"{_HOST}(,{_HOST})*", text, re.ASCII):
        raise ValueError("must be names or addresses without ports, separated by commas, such as logistics.example.org")
    return text


def _check_reference(text: str | None) -> str | None:
    if text is not None:
        parse_reference(text)
    return text


def _check_origins(text: str | None) -> str | None:
    if text is not None and text != "*" and not re.fullmatch(f"{_ORIGIN}(,{_ORIGIN})*", text, re.ASCII):
        raise ValueError("must be * or origins separated by commas, such as https://fleet.example.org")
    return text


def _check_currency(text: str | None) -> str | None:
    if text is not None and not (1 <= len(text) <= 12 and text.isprintable() and text == text.strip()):
        raise ValueError("must be a label of 1 to 12 printable characters, such as EUR or €")
    return text


def _check_issuer(text: str | None) -> str | None:
    """An address over TLS; without only on this machine, where nobody is in between."""
    if text is not None and not re.fullmatch(
        r"https://[!-~]{1,1900}|http://(localhost|127\.0\.0\.1)([:/][!-~]{0,1900})?", text
    ):
        raise ValueError("must be an address such as https://login.example.org; http:// only on this machine")
    return text


def _check_redirect_url(text: str | None) -> str | None:
    if text is not None and not re.fullmatch(rf"{_ORIGIN}({PATH_PREFIX})?/api/signed-in", text, re.ASCII):
        raise ValueError("must be an address such as https://logistics.example.org/api/signed-in")
    return text


def _check_signed_out_url(text: str | None) -> str | None:
    if text is not None and not re.fullmatch(rf"{_ORIGIN}({PATH_PREFIX})?/signed-out", text, re.ASCII):
        raise ValueError("must be an address such as https://logistics.example.org/signed-out")
    return text


def _check_group_roles(text: str | None) -> str | None:
    if text is not None:
        read_group_roles(text)
    return text


def read_group_roles(text: str) -> dict[str, Role]:
    """The role of each group.

    Raises:
        ValueError: it is no JSON object of roles by group.
    """
    try:
        found = json.loads(text)
        return {group: Role(role) for group, role in found.items()}
    except (ValueError, AttributeError, RecursionError):
        raise ValueError(
            f'must be JSON such as {{"logistics-admins": "admin"}}, with the roles {", ".join(Role)}'
        ) from None


class Settings(BaseSettings):
    """The system's configuration, read from the environment once, at the edge of each program."""

    model_config = SettingsConfigDict(env_prefix="LOGISTICS_", extra="ignore", frozen=True, validate_default=True)

    # Where things are
    database_url: str | None = Field(
        None, repr=False, description="PostgreSQL 16 or newer, as postgresql://user:password@host:port/database "
        "or whatever else psql takes. Unset: an embedded PostgreSQL 18 under the data folder"
    )  # fmt: skip
    api_database_url: str | None = Field(
        None, repr=False, description="What the API connects with. Unset: the database URL, as the role "
        "logistics_reader. Set: `logistics migrate` creates that login with its password and makes it a member of "
        "logistics_reader"
    )  # fmt: skip
    api_operator_database_url: str | None = Field(
        None, repr=False, description="What the API changes something with, as the role logistics_operator: the "
        "primary, if the API reads a replica. Unset: what it reads with. Set: `logistics migrate` creates that login "
        "with its password, and the login that reads can change nothing at all"
    )  # fmt: skip
    dagster_database_url: str | None = Field(
        None,
        repr=False,
        description="Where Dagster keeps its own state, in the same form. Unset: the "
        "database of the same name with the suffix `_dagster`, on the same server",
    )
    data_dir: Path = Field(
        default_factory=default_data_dir,
        description="Holds raw/ (drop files here), contracts/, sources/, notifications.yaml, reports.yaml, archive/ "
        "(pages of sources), failed/ (rejected records), logs/, dagster/ and, when embedded, postgres/",
    )

    dagster_dir: Path = Field(
        default_factory=lambda data: data["data_dir"] / "dagster",
        description="Where Dagster keeps the logs of its runs. Unset: dagster/ in the data folder",
    )

    # Watching the raw folder
    settle_seconds: float = Field(
        2.0,
        ge=0,
        description="How long a file must remain unchanged before it is picked up; "
        "on Linux, one that was renamed into place need not",
    )
    sensor_interval_seconds: PositiveInt = Field(5, description="Pause between two scans of the raw folder")
    long_polling: bool = Field(
        True,
        description="Sensors wait for files to arrive and for loads to end, and react at once. `false`: they look once "
        "per interval",
    )
    refresh_after_load: bool = Field(
        True,
        description="The run that loads the last of the files that wait also refreshes the figures. `false`: a run of "
        "its own always does",
    )
    files_per_run: PositiveInt = Field(500, description="Maximum number of files that one Dagster run loads")
    bytes_per_run: PositiveInt = Field(
        1 << 30, description="Maximum number of bytes that one Dagster run loads (a single larger file is allowed)"
    )
    parallel_loads: PositiveInt = Field(2, description="Number of load runs at the same time, per dataset")
    load_attempts: PositiveInt = Field(
        3, description="Runs that may die on a file before the sensor stops requesting it automatically"
    )

    # Loading
    batch_records: PositiveInt = Field(
        100_000, description="A transaction is committed once it holds this many records"
    )
    batch_bytes: PositiveInt = Field(16 << 20, description="... or this many bytes of input")
    max_record_bytes: PositiveInt = Field(32 << 20, description="A single record larger than this fails its file")
    max_expansion: PositiveInt = Field(
        200, description="A compressed file may expand to this many times its size, and always to 1 GiB; a file that "
        "expands to more fails (a decompression bomb)"
    )  # fmt: skip
    max_rejects: Annotated[str, AfterValidator(_check_limit)] = Field(
        "50%",
        description="A file with more rejected records than this fails: a percentage of its records, or a number, with "
        "which a file fails as well if more than half of it is rejected. A file without a good record always fails",
    )
    warn_rejects: Annotated[str, AfterValidator(_check_limit)] = Field(
        "1%",
        description="A loaded file with more rejected records than this has a warning: a percentage of its records, or "
        "a number. 100%: none has",
    )
    invalid_optional_values: InvalidValues = Field(
        InvalidValues.REJECT,
        description="What becomes of a record with an invalid value in an optional field: reject (the record is set "
        "aside) or null (it is loaded without the value, which is kept and counted). A contract may decide otherwise "
        "for a field",
    )
    date_order: Literal["dmy", "mdy"] | None = Field(
        None,
        description="What 02/03/2024 means: dmy or mdy. Unset: such dates are rejected unless their file proves it",
    )
    contracts: ContractPolicy = Field(
        ContractPolicy.AUTO,
        description="What becomes of a contract that is proposed for a file of no dataset: auto (it is accepted by "
        "itself if it leaves no question open) or review (it always waits for a person)",
    )
    retry_seconds: PositiveFloat = Field(
        30.0, description="How long a load keeps trying to reach a database that is down before its run fails"
    )

    # Forecasts
    forecast_interval: PositiveInt = Field(
        3600, description="Forecasts of a dataset are made anew when its figures change, but not more often than every "
        "this many seconds"
    )  # fmt: skip
    forecast_series: PositiveInt = Field(
        2_000, description="How many series of a level, such as routes, are forecast by themselves, the largest ones; "
        "the others of each parent are put together. A contract may say otherwise"
    )  # fmt: skip

    # Models
    model_interval: PositiveInt = Field(
        86_400, description="Models are trained anew when their records have changed, but not more often than every "
        "this many seconds. New records are predicted after every refresh"
    )  # fmt: skip
    model_promotion: Literal["auto", "manual"] = Field(
        "auto", description="Who takes a version of a model to production that has passed its back-test: auto (the "
        "pipeline) or manual (a person, with `logistics models promote`)"
    )  # fmt: skip

    model_challenger: Literal["none", "lightgbm"] = Field(
        "none", description="What is trained and tested beside the running means of durations, and takes their place "
        "where it is better by 3 %: none, or lightgbm (the extra of that name)"
    )  # fmt: skip

    # Housekeeping, every night
    keep_runs_days: PositiveInt = Field(
        30, description="Dagster runs that ended more than this many days ago are deleted with their events and logs, "
        "except those that show the current state of a file or table"
    )  # fmt: skip
    keep_partitions_days: PositiveInt = Field(
        90, description="Partitions of files that are no longer in raw/ are deleted this many days after their load"
    )  # fmt: skip
    keep_batches_days: PositiveInt = Field(
        30, description="A file's batches in the ledger are merged into one row this many days after their commit"
    )  # fmt: skip
    keep_file_requests_days: PositiveInt = Field(
        90, description="Requests to retry, unload or dismiss a file, those about contracts, and jobs of models "
        "are deleted this many days after they were served; what executions of models have cost is summed up then"
    )  # fmt: skip
    keep_resolved_rejects_days: PositiveInt | None = Field(
        None, description="Rejects that a replay accepted more than this many days ago are deleted. "
        "Unset: kept indefinitely"
    )  # fmt: skip

    keep_pulls_days: PositiveInt | None = Field(
        None, description="Pulls of sources and their pages in the archive are deleted this many days after they "
        "ended, except the newest of each resource and those that a later pull builds on: what is deleted cannot be "
        "mapped anew. Unset: kept indefinitely"
    )  # fmt: skip
    keep_forecasts_days: PositiveInt = Field(
        90, description="Forecasts issued more than this many days ago, of periods that are over, keep their steps 1, "
        "7, 14 and 28 only"
    )  # fmt: skip
    keep_messages_days: PositiveInt = Field(
        365, description="Events of notifications are deleted this many days after they were published, with their "
        "messages and attempts, unless one is still to be sent; so are the values that rules can be tried against"
    )  # fmt: skip
    keep_sessions_days: PositiveInt = Field(
        90, description="Sessions of people are deleted this many days after their end"
    )
    keep_predictions_days: PositiveInt = Field(
        730, description="Predictions of models are deleted this many days after their truth arrived, and those "
        "of which it never arrived this many days after they were made, with their scores; not before the version in "
        "production was trained on later records"
    )  # fmt: skip
    keep_audit_days: PositiveInt | None = Field(
        None, description="Entries of the audit log are deleted this many days after the change, which is an entry as "
        "well. Unset: kept indefinitely"
    )  # fmt: skip
    export_to: str | None = Field(
        None, description="Where everything that a restored database needs is exported every night: a folder, or a URL "
        "such as s3://bucket/backups that no source watches. Unset: nowhere"
    )  # fmt: skip

    # People who sign in
    oidc_issuer: Annotated[str | None, AfterValidator(_check_issuer)] = Field(
        None, description="Address of the identity provider with which people sign in (OpenID Connect), such as "
        "https://login.example.org. Unset: nobody does"
    )  # fmt: skip
    oidc_client_id: str | None = Field(None, description="What the identity provider calls this installation")
    oidc_client_secret: Annotated[str | None, AfterValidator(_check_reference)] = Field(
        None, description="Where the secret of the client stands: env:NAME or file:PATH. Unset: a public client, which "
        "has none"
    )  # fmt: skip
    oidc_scopes: str = Field(
        "openid profile email", description="What the identity provider is asked for, separated by spaces; many give "
        "groups only with the scope `groups`"
    )  # fmt: skip
    oidc_groups_claim: str = Field(
        "groups", description="Claim that holds the groups of a person: its name, or a path such as realm_access.roles"
    )  # fmt: skip
    oidc_redirect_url: Annotated[str | None, AfterValidator(_check_redirect_url)] = Field(
        None, description="Address to which the identity provider sends people back, as registered there: it ends with "
        "/api/signed-in. Unset: that of the request"
    )  # fmt: skip
    oidc_signed_out_url: Annotated[str | None, AfterValidator(_check_signed_out_url)] = Field(
        None, description="Address to which the identity provider sends people back who sign out there as well, as "
        "registered there: it ends with /signed-out. Unset: signing out ends the session here alone"
    )  # fmt: skip
    proxy_secret: Annotated[str | None, AfterValidator(_check_reference)] = Field(
        None, description="Where the secret stands (env:NAME or file:PATH) that a proxy sends in X-Proxy-Secret to be "
        "believed who the person is. Unset: no proxy is"
    )  # fmt: skip
    proxy_headers: Literal["oauth2-proxy", "authelia"] = Field(
        "oauth2-proxy", description="Headers in which that proxy names the person: oauth2-proxy (X-Forwarded-User, "
        "-Preferred-Username, -Email, -Groups) or authelia (Remote-User, -Name, -Email, -Groups)"
    )  # fmt: skip
    group_roles: Annotated[str | None, AfterValidator(_check_group_roles)] = Field(
        None, description='Role of each group of the identity provider or proxy, as JSON such as {"dispatch": '
        '"operator"}: viewer, analyst, operator or admin. Unset: none has one'
    )  # fmt: skip
    default_role: Role | None = Field(
        None, description="Role of people without a group that has one. Unset: none, they may do nothing"
    )
    session_idle_hours: PositiveFloat = Field(12.0, description="A session that was not used for this long ends")
    session_hours: PositiveFloat = Field(168.0, description="A session ends after this long in any case")

    # The worker
    worker_api_url: Annotated[str | None, AfterValidator(_check_url)] = Field(
        None, description="Where the worker asks the API for the figures of reports, such as http://api:8000. Unset: "
        "LOGISTICS_API_HOST and LOGISTICS_API_PORT"
    )  # fmt: skip
    worker_api_key: str | None = Field(
        None, repr=False, description="API key with the scope read that the worker sends. Unset: none, which the API "
        "must allow"
    )  # fmt: skip
    worker_watcher: Annotated[str | None, AfterValidator(_check_reference)] = Field(
        None, repr=False, description="Where the address of an outside watcher stands, such as one of healthchecks.io: "
        "env:NAME or file:PATH. The worker that evaluates alerts calls it every minute, as long as every duty is done. "
        "Unset: none"
    )  # fmt: skip
    worker_watcher_private: bool = Field(
        False, description="Whether that watcher may be in a private network or on this machine, also by http://"
    )

    # Serving
    api_host: str = Field("127.0.0.1", description="Address the API listens on")
    api_port: int = Field(8000, ge=1, le=65535, description="Port of the API")
    api_prefix: Annotated[str | None, AfterValidator(_check_prefix)] = Field(
        None, description="Path under which a reverse proxy publishes the API, such as /logistics. Unset: the proxy's "
        "X-Forwarded-Prefix"
    )  # fmt: skip
    api_published_at: str | None = Field(
        None, description="Address at which others reach the API if it differs from the one it listens on, as in a "
        "container. Unset: LOGISTICS_API_HOST"
    )  # fmt: skip
    api_anonymous: Annotated[str | None, AfterValidator(_check_scopes)] = Field(
        None, description="What requests without a key may do: none, or some of "
        "read,export,ingest,contracts,boards,alerts,audit. Unset: "
        "everything if the API can be reached from this machine only, otherwise none"
    )  # fmt: skip
    api_hosts: Annotated[str | None, AfterValidator(_check_hosts)] = Field(
        None, description="Host names under which the API may be used without a key, separated by commas. If it can be "
        "reached from this machine only, localhost and 127.0.0.1 are always allowed; otherwise, if unset, any"
    )  # fmt: skip
    api_rate: float = Field(
        100.0, ge=0, description="Requests per second for each key, and for each address without one if other machines "
        "can reach the API. 0: no limit"
    )  # fmt: skip
    api_burst: PositiveInt = Field(200, description="Requests that may arrive at once before the rate limit applies")
    api_cache_bytes: int = Field(64 << 20, ge=1 << 16, description="Memory for cached responses, per process")
    cors_origins: Annotated[str | None, AfterValidator(_check_origins)] = Field(
        None, description="Origins whose pages may read the API from a browser, separated by commas, such as "
        "https://fleet.example.org; * for any. Unset: only its own"
    )  # fmt: skip
    currency: Annotated[str | None, AfterValidator(_check_currency)] = Field(
        None, description="Label of the currency in which `cost` is given, such as EUR: shown with figures and in the "
        "API documentation. It converts nothing. Unset: none"
    )  # fmt: skip
    on_time_hours: Decimal | None = Field(
        None, ge=0, description="Target of your own for delivery times, in hours: `on_target_rate` is the share of the "
        "shipments that took at most this long. Unset: only where a request names one with `on_time_hours`"
    )  # fmt: skip
    graphql_max_cost: PositiveInt = Field(
        200_000, description="Highest cost of a GraphQL operation: rows asked for times fields of each, summed up"
    )
    graphql_introspection: Literal["all", "keys", "none"] = Field(
        "all", description="Who may ask GraphQL for its schema: all, keys (requests with an API key), or none"
    )
    upload_place: str | None = Field(
        None, description="Name of a source of the kind files (s3, az, gs) whose bucket takes the uploads of browsers: "
        "the API hands out addresses, and files do not pass through it. Unset: files are sent to the API"
    )  # fmt: skip
    upload_max_bytes: PositiveInt = Field(10 << 30, description="Largest file that can be uploaded through the API")
    dagster_public_url: str | None = Field(
        None, description="Where users find the Dagster UI; the API's responses link to it. Unset: "
        "LOGISTICS_DAGSTER_HOST and LOGISTICS_DAGSTER_PORT"
    )  # fmt: skip
    dagster_host: str = Field("127.0.0.1", description="Address the Dagster UI listens on")
    dagster_port: int = Field(3000, ge=1, le=65535, description="Port of the Dagster UI")
    code_server_host: str = Field("127.0.0.1", description="Where Dagster finds the code server")
    code_server_port: int | None = Field(
        None, ge=1, le=65535, description="Port of Dagster's code server. Unset: `logistics up` chooses a free one"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Verbosity of the API's log")
    log_format: Literal["text", "json"] = Field(
        "text", description="Format of the API's log: text for people or JSON for programs"
    )
    access_log: Literal["all", "misses", "errors", "none"] = Field(
        "misses", description="Requests that the API logs: all; misses, those not answered from memory; errors; none"
    )  # fmt: skip

    @cached_property
    def dagster_url(self) -> str:
        """Where users find the Dagster UI, without a slash at its end."""
        if self.dagster_public_url is not None:
            return self.dagster_public_url.rstrip("/")
        host = "127.0.0.1" if self.dagster_host in ("0.0.0.0", "::", "") else self.dagster_host
        return f"http://{host}:{self.dagster_port}"

    @cached_property
    def worker_api_address(self) -> str:
        """Where the worker reaches the API, without a slash at its end."""
        if self.worker_api_url is not None:
            return self.worker_api_url.rstrip("/")
        host = "127.0.0.1" if self.api_host in ("0.0.0.0", "::", "") else self.api_host
        return f"http://{host}:{self.api_port}"

    @cached_property
    def warn_threshold(self) -> RejectThreshold:
        """More rejects than this give a loaded file a warning."""
        return RejectThreshold.parse(self.warn_rejects)

    @cached_property
    def roles_of_groups(self) -> Mapping[str, Role]:
        """The role of each group of people."""
        return {} if self.group_roles is None else read_group_roles(self.group_roles)

    def roles(self, groups: Collection[str]) -> tuple[Role, ...]:
        """The roles of a person with these groups, in the order of `Role`."""
        found = {role for group, role in self.roles_of_groups.items() if group in groups}
        if not found and self.default_role is not None:
            found = {self.default_role}
        return tuple(role for role in Role if role in found)

    @cached_property
    def reading_groups(self) -> tuple[str, ...] | None:
        """Groups whose people may read; None: everybody who signs in may."""
        return tuple(sorted(self.roles_of_groups)) if self.default_role is None else None

    @cached_property
    def raw_dir(self) -> Path:
        return self.data_dir / "raw"

    @cached_property
    def contracts_dir(self) -> Path:
        """Contracts of the user's own datasets, one YAML file each."""
        return self.data_dir / "contracts"

    @cached_property
    def sources_dir(self) -> Path:
        """Definitions of sources, one YAML file each."""
        return self.data_dir / "sources"

    @cached_property
    def alerts_dir(self) -> Path:
        """Rules of alerts, one YAML file each."""
        return self.data_dir / "alerts"

    @cached_property
    def notifications_file(self) -> Path:
        """Who is told of what: endpoints of notifications, and what they subscribe to."""
        return self.data_dir / "notifications.yaml"

    @cached_property
    def reports_file(self) -> Path:
        """Which boards are sent by e-mail, when and to whom."""
        return self.data_dir / "reports.yaml"

    @cached_property
    def archive_dir(self) -> Path:
        """Pages that were pulled from sources, as they were received."""
        return self.data_dir / "archive"

    @cached_property
    def landed_dir(self) -> Path:
        """Copies of files of places whose source declares `land: true`."""
        return self.data_dir / "landed"

    @cached_property
    def failed_dir(self) -> Path:
        return self.data_dir / "failed"

    @cached_property
    def logs_dir(self) -> Path:
        return self.data_dir / "logs"

    @cached_property
    def postgres_dir(self) -> Path:
        return self.data_dir / "postgres"

    @classmethod
    def variables(cls) -> dict[str, str]:
        """Maps each variable's name to its description, in the order of definition."""
        return {f"LOGISTICS_{name.upper()}": field.description or "" for name, field in cls.model_fields.items()}
