"""Hints that something has changed at a place: notifications of its bucket, taken from a queue of SQS.

What counts is what a look finds. So what a notification says is not read: that there is one makes a look due, and one
that comes twice, late or never does no harm.
"""

from typing import Any
from urllib.parse import urlsplit

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from logistics_core.places.definition import PlaceDefinition
from logistics_core.places.secrets import SecretError
from logistics_pipeline.files.stores import PlaceError

_AT_A_TIME = 10
"""Notifications that SQS hands out at once."""
_MOST = 50
"""Times that an evaluation asks for more: what is left makes the next look due."""
_SECONDS = 3


class Hints:
    """Takes notifications from the queues that places name."""

    def __init__(self) -> None:
        self._clients: dict[PlaceDefinition, Any] = {}

    def take(self, place: PlaceDefinition, queue: str) -> bool:
        """Whether there were notifications for a place; they are removed from its queue, which is named by its URL.

        Raises:
            PlaceError: the queue cannot be read; the place is looked at all the same.
        """
        try:
            return _take_all(self._client(place, queue), queue)
        except (BotoCoreError, ClientError, SecretError) as error:
            raise PlaceError(
                f"{place.url}: its queue {queue} cannot be read ({error}). The credentials need sqs:ReceiveMessage and "
                f"sqs:DeleteMessage. Until then, the place is looked at by `poll` alone (source {place.name})."
            ) from None

    def _client(self, place: PlaceDefinition, queue: str) -> Any:
        if place not in self._clients:
            self._clients[place] = _make_client(place, queue)
        return self._clients[place]


def _make_client(place: PlaceDefinition, queue: str) -> Any:
    address = urlsplit(queue)
    session = botocore.session.Session(profile=place.option("profile"))
    return session.create_client(
        "sqs",
        region_name=place.option("region") or session.get_config_variable("region") or "us-east-1",
        endpoint_url=f"{address.scheme}://{address.netloc}",
        aws_access_key_id=place.credential("accessKeyId"),
        aws_secret_access_key=place.credential("secretAccessKey"),
        aws_session_token=place.credential("sessionToken"),
        config=Config(connect_timeout=_SECONDS, read_timeout=_SECONDS, retries={"total_max_attempts": 1}),
    )


def _take_all(client: Any, queue: str) -> bool:
    """Removes the notifications that there are; says whether there were some."""
    for number in range(_MOST):
        found = client.receive_message(QueueUrl=queue, MaxNumberOfMessages=_AT_A_TIME, WaitTimeSeconds=0)
        messages = found.get("Messages", [])
        if not messages:
            return number > 0
        entries = [{"Id": str(at), "ReceiptHandle": each["ReceiptHandle"]} for at, each in enumerate(messages)]
        client.delete_message_batch(QueueUrl=queue, Entries=entries)
    return True
