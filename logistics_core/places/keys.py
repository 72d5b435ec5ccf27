"""The keys of a definition of a place, each with what it means. The JSON Schema of sources says the same."""

from typing import Annotated, Literal, TypeAlias

import msgspec


class Keys(msgspec.Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """Unknown keys are refused: a misspelt one would be ignored in silence."""


def said(description: str) -> msgspec.Meta:
    """What a key means."""
    return msgspec.Meta(description=description)


Single: TypeAlias = str | int | float | bool


class PollKeys(Keys, kw_only=True):
    """How often the place is looked at."""

    shortest: Annotated[str, said("Pause after a look that found something")] = msgspec.field(default="5s", name="from")
    longest: Annotated[str, said("Pause when there was nothing new for a long time")] = msgspec.field(
        default="5m", name="to"
    )


class FilesKeys(Keys, kw_only=True):
    """A source of the kind `files`: a place of files, in a bucket or on a server."""

    kind: Annotated[Literal["files"], said("files")]
    title: Annotated[str, said("Name for people")] = ""
    description: Annotated[str, said("What it is")] = ""
    url: Annotated[str, said("s3://bucket/prefix, az://, gs://, https://host/folder/ or sftp://user@host/folder")]
    dataset: Annotated[str | None, said("Dataset of all files; unset: the path of each names its own")] = None
    private: Annotated[bool, said("true: the host may have an address of a private network or of this machine")] = False
    options: Annotated[dict[str, Single], said("Settings of the store, such as endpoint and region")] = {}
    credentials: Annotated[dict[str, str], said("Keys and passwords, each a reference: env:NAME or file:PATH")] = {}
    land: Annotated[bool, said("true: files are copied into the raw folder before they are loaded")] = False
    poll: Annotated[PollKeys, said("How often it is looked at")] = msgspec.field(default_factory=PollKeys)
