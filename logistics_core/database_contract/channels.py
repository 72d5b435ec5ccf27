"""Channels on which PostgreSQL notifies the API, and the form of each payload.

A notification goes out with the commit of what it reports. It may be lost, and anybody can send one: it is a reason to
look, never the source of a figure.
"""

from enum import StrEnum
from typing import Literal, TypedDict

from logistics_core.database_contract.file_states import FileState


class Channel(StrEnum):
    """A channel, and the name of the event that the API sends to its clients for it."""

    FILES = "ingest"
    """A file has made progress. Payload: a `FileEvent` as JSON."""
    DATA_VERSION = "data_version"
    """New figures are published. Payload: their data version, in decimal digits."""
    API_KEYS = "api_keys"
    """API keys were created, changed or revoked; never sent to clients. No payload."""
    SESSIONS = "sessions"
    """A session of a person was ended, or what a person may do has changed; never sent to clients. No payload."""
    CONTRACTS = "contracts"
    """A dataset, a proposal or a request about one has changed. Payload: a `ContractEvent` as JSON."""
    SOURCES = "sources"
    """A source, the state of a pull or a request to pull has changed. Payload: a `SourceEvent` as JSON."""
    FORECASTS = "forecasts"
    """The forecasts of a dataset were made anew. Payload: its name."""
    ALERTS = "alerts"
    """A rule, an incident or a silence has changed. No payload."""
    MODELS = "models"
    """A model was trained, promoted or used. Payload: its name."""
    MODEL_JOBS = "model_jobs"
    """A job of a model was asked for, or has ended; never sent to clients. Payload: its ID."""
    ALERT_TRIALS = "alert_trials"
    """The trial of a rule was asked for; never sent to clients. Payload: its ID."""
    MESSAGES = "messages"
    """An event was published, messages are due again, or a preview of templates was asked for; never sent to clients.
    Payload: the number of messages."""


class FileEvent(TypedDict):
    """The payload of `Channel.FILES`: a row of `ingest.files` after the change."""

    file_id: int
    path: str
    """At most the first 1,500 characters: a payload has less than 8,000 bytes."""
    version: int
    dataset: str | None
    state: FileState
    records_read: int
    bytes_read: int
    bytes: int
    """The size of the file on disk."""


class ContractEvent(TypedDict):
    """The payload of `Channel.CONTRACTS`: which row of which table in the schema `catalogue` has changed."""

    table: Literal["datasets", "proposals", "requests"]
    dataset: str | None
    version: int | None
    """The version in force, for a row of `datasets`."""
    proposal_id: str | None
    request_id: int | None


class SourceEvent(TypedDict):
    """The payload of `Channel.SOURCES`: which row of which table in the schema `source` has changed."""

    table: Literal["sources", "pulls", "requests"]
    source: str
    resource: str | None
    pull_id: int | None
    state: str | None
    """Of a pull."""
    request_id: int | None


FILE_EVENT_PATH_CHARACTERS = 1500
