"""Addresses to which one file can be sent with PUT, by a page in a browser or with curl, without any credentials."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import quote

import obstore
from botocore.exceptions import BotoCoreError
from obstore.exceptions import BaseError

from logistics_core.places.clients import bucket_and_prefix, cloud_store, s3_client
from logistics_core.places.definition import PlaceDefinition
from logistics_core.places.secrets import SecretError

SCHEMES = frozenset({"s3", "az", "gs"})
_HEADERS = {"az": {"x-ms-blob-type": "BlockBlob"}}
"""What a store wants to be told with the content."""


class UploadAddressError(Exception):
    """No address can be made for a place; the message says why, and what to do."""


@dataclass(frozen=True)
class UploadAddress:
    """Where one file is sent to, once or several times until the address expires."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of the request with the file."""


def upload_address(place: PlaceDefinition, key: str, seconds: int, size_bytes: int | None = None) -> UploadAddress:
    """An address for the object with this key below the URL of a place.

    Nobody is asked whether the store would take it. With a size, a bucket of S3 takes a file of that size alone.

    Raises:
        UploadAddressError: this kind of place has no such addresses, or its definition cannot be used.
    """
    if place.scheme not in SCHEMES:
        raise UploadAddressError(
            f"{place.url}: only s3://, az:// and gs:// have addresses to which a browser can send a file."
        )
    try:
        url = _of_s3(place, key, seconds, size_bytes) if place.scheme == "s3" else _of_cloud(place, key, seconds)
    except SecretError as error:
        raise UploadAddressError(f"{place.url}: {error}") from None
    except (BotoCoreError, BaseError, ValueError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise UploadAddressError(
            f"{place.url}: no address can be signed ({reason}). Correct the source {place.name}."
        ) from None
    return UploadAddress(url, _HEADERS.get(place.scheme, {}))


def _of_s3(place: PlaceDefinition, key: str, seconds: int, size_bytes: int | None) -> str:
    bucket, prefix = bucket_and_prefix(place)
    what: dict[str, object] = {"Bucket": bucket, "Key": f"{prefix}/{key}" if prefix else key}
    if size_bytes is not None:
        what["ContentLength"] = size_bytes
    client = s3_client(place)
    try:
        return str(client.generate_presigned_url("put_object", Params=what, ExpiresIn=seconds))
    finally:
        client.close()


def _of_cloud(place: PlaceDefinition, key: str, seconds: int) -> str:
    if place.scheme == "az" and quote(key) != key:  # obstore signs the encoded name, and the store the plain one
        raise ValueError("in Azure only for names of letters from A to Z, digits, and - . _ ~")
    return str(obstore.sign(cloud_store(place), "PUT", key, timedelta(seconds=seconds)))
