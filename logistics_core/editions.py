"""What a mail holds beside the event that it is about: an edition of a report, with its pictures and tables.

The worker makes it and the database keeps it; mails bring it, and the API shows it.
"""

from base64 import b64encode
from html import escape

import msgspec
from msgspec import structs

from logistics_core.languages.translating import ENGLISH


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
    """In every language the same: columns have the names of the API."""
    language: str = ENGLISH
    others: list["Edition"] = []
    """The same in other languages, without tables of their own."""

    def told(self, language: str) -> "Edition":
        """The edition in a language; as it is if it was not made in that one."""
        of_language = (structs.replace(each, tables=self.tables) for each in self.others if each.language == language)
        return next(of_language, self)


def encode_edition(edition: Edition) -> bytes:
    """An edition as the database keeps it."""
    return msgspec.json.encode(edition)


def decode_edition(content: bytes) -> Edition:
    """The opposite of `encode_edition`."""
    return msgspec.json.decode(content, type=Edition)


def page_of(title: str, edition: Edition) -> str:
    """An edition as one HTML page, with its pictures in it."""
    html = edition.html
    for each in edition.pictures:
        html = html.replace(f'"cid:{each.name}"', f'"data:image/png;base64,{b64encode(each.png).decode()}"')
    return (
        f'<!DOCTYPE html>\n<html lang="{edition.language}">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(title)}</title>\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n</head>\n'
        f'<body style="max-width:600px;margin:24px auto;font-family:sans-serif">\n<h1>{escape(title)}</h1>\n{html}\n'
        "</body>\n</html>\n"
    )
