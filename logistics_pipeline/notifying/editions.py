"""What a mail holds beside the event that it is about: an edition of a report, with its pictures and tables."""

import msgspec


class Picture(msgspec.Struct, frozen=True):
    """A chart within the HTML, which names it by `cid:NAME`."""

    name: str
    title: str
    alt: str
    png: bytes


class Table(msgspec.Struct, frozen=True):
    """A file that is attached."""

    file_name: str
    csv: str


class Edition(msgspec.Struct, frozen=True):
    """A report as it is sent, whole."""

    html: str
    """What stands in the body of the page."""
    text: str
    pictures: list[Picture]
    tables: list[Table]


def encode_edition(edition: Edition) -> bytes:
    """An edition as the database keeps it."""
    return msgspec.json.encode(edition)


def decode_edition(content: bytes) -> Edition:
    """The opposite of `encode_edition`."""
    return msgspec.json.decode(content, type=Edition)
