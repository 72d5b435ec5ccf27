"""What `notifications.yaml` declares."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from typing import Any

from logistics_core.database_contract.notifications import EndpointChannel, Severity
from logistics_pipeline.notifying.local_times import QuietHours


@dataclass(frozen=True)
class Subscription:
    """Events that an endpoint gets."""

    topic: str = "*"
    severity: Severity = Severity.INFO
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Endpoint:
    """Where messages go, what goes there, and when."""

    name: str
    channel: EndpointChannel
    title: str = ""
    configuration: Mapping[str, Any] = field(default_factory=dict)
    """What the channel needs, with references to secrets."""
    recipients: tuple[str, ...] = ()
    subscriptions: tuple[Subscription, ...] = (Subscription(),)
    time_zone: str = "UTC"
    language: str = "en"
    quiet: QuietHours | None = None
    digest: str | None = None
    digest_at: time = time(8)
    per_hour: int | None = None
