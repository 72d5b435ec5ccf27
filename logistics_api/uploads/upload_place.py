"""The place that takes files from browsers, as LOGISTICS_UPLOAD_PLACE names it, and addresses to send one there.

The API signs addresses with the credentials that the definition refers to, and never asks the store itself.
"""

import asyncio
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from logistics_api.errors import Problem
from logistics_core.places.definition import PlaceDefinition
from logistics_core.places.reading import declared_places
from logistics_core.settings import Settings

ADDRESS_SECONDS = 15 * 60
"""How long a file may wait for its turn in a browser; a transfer that has begun may go on for longer."""
ORIGINS_REMEMBERED = 4


@dataclass(frozen=True)
class SignedAddress:
    """Where one file is sent to with PUT."""

    url: str
    headers: dict[str, str]


@dataclass(frozen=True)
class UploadPlace:
    """The place of the settings: its definition is read again whenever its file has changed."""

    settings: Settings

    @property
    def name(self) -> str | None:
        """Of the source; None if files are sent to the API."""
        return self.settings.upload_place

    async def definition(self) -> PlaceDefinition:
        """What the folder of sources says of it now.

        Raises:
            Problem: 501, no place takes uploads, or no source of this name declares one.
        """
        if self.name is None:
            raise no_upload_place("No place takes uploads: LOGISTICS_UPLOAD_PLACE names none.")
        found = await asyncio.to_thread(declared_places, self.settings.sources_dir)
        for place in found:
            if place.name == self.name:
                return place
        raise no_upload_place(
            f"LOGISTICS_UPLOAD_PLACE is {self.name}, but the API finds no valid definition of a place of this name "
            f"in {self.settings.sources_dir}."
        )

    async def address(self, place: PlaceDefinition, key: str, size_bytes: int) -> SignedAddress:
        """An address for the file with this key below the URL of the place.

        Raises:
            Problem: 501, none can be made.
        """
        found = await asyncio.to_thread(_sign, place, key, size_bytes)
        if isinstance(found, str):
            raise no_upload_place(found)
        return found

    async def origin(self) -> str | None:
        """Where pages of the dashboard send files beside the API; None if nowhere."""
        if self.name is None:
            return None
        try:
            place = await self.definition()
        except Problem:
            return None
        return await asyncio.to_thread(_origin, place)


def _sign(place: PlaceDefinition, key: str, size_bytes: int | None) -> SignedAddress | str:
    """An address, or why there is none."""
    from logistics_core.places.upload_addresses import UploadAddressError, upload_address

    try:
        made = upload_address(place, key, ADDRESS_SECONDS, size_bytes)
    except UploadAddressError as error:
        return str(error)
    return SignedAddress(made.url, dict(made.headers))


@lru_cache(ORIGINS_REMEMBERED)
def _origin(place: PlaceDefinition) -> str | None:
    found = _sign(place, "file", None)
    return None if isinstance(found, str) else "{0.scheme}://{0.netloc}".format(urlsplit(found.url))


def no_upload_place(detail: str) -> Problem:
    """No address can be made; files can still be sent to the API."""
    return Problem(
        501, "no-upload-place", "No place for uploads", f"{detail} Send the file to POST /api/ingestion/uploads."
    )
