"""Subscriptions: what happens, as the API's events tell it, sent as server-sent events.

Each subscription has a connection of its own (the distinct connections mode of the GraphQL over SSE protocol): events
are `next` with an answer as data, and `complete` at the end.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLField,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLString,
)

from logistics_api.events.broker import Events
from logistics_api.events.endpoints import HEARTBEAT_SECONDS
from logistics_api.graphql.compiling import TYPE_NAME, Selection
from logistics_api.graphql.scalars import BIG_INT
from logistics_core.database_contract.channels import Channel
from logistics_core.database_contract.file_states import FileState

CHANGED, PROGRESS = "changed", "loadProgress"

_CHANGE = GraphQLObjectType(
    "Change",
    {
        "dataset": GraphQLField(GraphQLString, description="The dataset; null for the figures of all datasets"),
        "dataVersion": GraphQLField(BIG_INT, description="The new data version of figures; null for rows"),
        "fileId": GraphQLField(BIG_INT, description="The file that has changed rows; null for figures"),
    },
    description="Rows of a dataset, or the figures made of them, are others than before",
)

_PROGRESS = GraphQLObjectType(
    "LoadProgress",
    {
        "fileId": GraphQLField(GraphQLNonNull(BIG_INT)),
        "path": GraphQLField(GraphQLNonNull(GraphQLString)),
        "version": GraphQLField(GraphQLNonNull(BIG_INT)),
        "dataset": GraphQLField(GraphQLString),
        "state": GraphQLField(GraphQLNonNull(GraphQLString)),
        "recordsRead": GraphQLField(GraphQLNonNull(BIG_INT)),
        "bytesRead": GraphQLField(GraphQLNonNull(BIG_INT), description="Of the decompressed content"),
        "bytes": GraphQLField(GraphQLNonNull(BIG_INT), description="Size of the file"),
    },
    description="How far a file is",
)

_MEMBERS = {
    "fileId": "file_id",
    "path": "path",
    "version": "version",
    "dataset": "dataset",
    "state": "state",
    "recordsRead": "records_read",
    "bytesRead": "bytes_read",
    "bytes": "bytes",
}


def subscriptions() -> dict[str, GraphQLField]:
    """The fields of subscriptions."""
    dataset = {"dataset": GraphQLArgument(GraphQLString, description="Name of a dataset; all, if left out")}
    return {
        CHANGED: GraphQLField(
            GraphQLNonNull(_CHANGE),
            dataset,
            description="Tells when rows of a dataset have been loaded or withdrawn, and when figures are published",
        ),
        PROGRESS: GraphQLField(GraphQLNonNull(_PROGRESS), dataset, description="Tells how far files are"),
    }


_CHANGING = frozenset({FileState.LOADING, FileState.LOADED, FileState.UNLOADED})
"""States of files in which rows have changed."""


class Subscription:
    """A subscription of one client."""

    def __init__(self, key: str, nodes: list[FieldNode], selection: Selection) -> None:
        root = selection.schema.subscription_type
        assert root is not None
        self._key, self._nodes, self._selection = key, nodes, selection
        self._definition = root.fields[nodes[0].name.value]
        self._name = nodes[0].name.value
        given = selection.arguments(self._definition, nodes[0])
        self._dataset: str | None = given.get("dataset")

    def value(self, event: str, data: str) -> Mapping[str, Any] | None:
        """What an event means to the subscription; None if nothing."""
        if event == Channel.DATA_VERSION:
            return {"dataVersion": int(data)} if self._name == CHANGED and data.isdigit() else None
        if event != Channel.FILES:
            return None
        try:
            file = json.loads(data)
            found = {name: file[member] for name, member in _MEMBERS.items()}
        except (ValueError, KeyError, TypeError):
            return None  # anybody can send a notification
        if self._dataset is not None and found["dataset"] != self._dataset:
            return None
        if self._name == PROGRESS:
            return found
        if found["state"] not in _CHANGING or found["dataset"] is None:
            return None
        return {"dataset": found["dataset"], "fileId": found["fileId"]}

    def answer(self, value: Mapping[str, Any]) -> str:
        """The answer for an event, as JSON."""
        type_ = self._definition.type.of_type
        members = {}
        for key, nodes in self._selection.of_fields(type_, self._nodes).items():
            name = nodes[0].name.value
            members[key] = type_.name if name == TYPE_NAME else value.get(name)
        return json.dumps({"data": {self._key: members}}, separators=(",", ":"))


async def stream(
    subscription: Subscription, events: Events, heartbeat_seconds: float = HEARTBEAT_SECONDS
) -> AsyncGenerator[str, None]:
    """The text of the stream, piece by piece."""
    with events.subscriber() as subscriber:
        yield ":\n\n"
        while True:
            try:
                async with asyncio.timeout(heartbeat_seconds):
                    event = await subscriber.next()
            except TimeoutError:
                yield ":\n\n"
                continue
            if event is None:
                break
            value = subscription.value(*event)
            if value is not None:
                yield next_event(subscription.answer(value))
        yield COMPLETE


COMPLETE = "event: complete\ndata:\n\n"


def next_event(answer: str) -> str:
    """An event with an answer. JSON as it is written here has line ends only where PostgreSQL puts them."""
    lines = "".join(f"data: {line}\n" for line in answer.splitlines())
    return f"event: next\n{lines}\n"
