"""Buckets of Amazon S3 and of every store that speaks its protocol, by botocore: any key, any kind of credentials.

obstore, which serves the other clouds (`cloud_stores`), cannot be used here: it refuses keys with `//`, `..` or control
characters, a single one of which ends the listing of a whole bucket, and reads `/a.csv` as `a.csv`. botocore takes
95 µs to decode a listed file, so listings are signed by it, and decoded here.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any
from urllib.parse import unquote_plus
from xml.etree import ElementTree

import httpx2
from botocore import exceptions

from logistics_core.places.clients import s3_client
from logistics_core.places.definition import PlaceDefinition
from logistics_core.places.time_limits import CONNECT_SECONDS, SILENCE_SECONDS
from logistics_pipeline.errors import FileChangedError, TransientError
from logistics_pipeline.files.stores import (
    FileGoneError,
    ListedFile,
    PlaceError,
    Store,
    StoredVersion,
    in_parts,
    read_in_time,
    trusted,
)

_BLOCK_BYTES = 1 << 20
_URL_SECONDS = 900
_PART_BYTES = 16 << 20
"""An object may have 10,000 parts: 156 GiB."""

CHANGED = "The object was replaced while it was read. Its new content is a new version and is loaded as such"
GONE = "The object was removed while it was read"


class S3Store(Store):
    """The objects below a prefix of a bucket."""

    def __init__(self, place: PlaceDefinition) -> None:
        self._place = place
        self.bucket, _, prefix = place.url.removeprefix("s3://").partition("/")
        self.prefix = f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
        self._payer = {"RequestPayer": "requester"} if place.option("requesterPays") == "true" else {}
        with self._errors(""):
            self.client = s3_client(place)
        self._decoded: dict[bytes, list[ListedFile]] = {}
        """Of each page of the last whole listing, by its hash: most pages are the same the next time."""
        self._lists = httpx2.Client(
            timeout=httpx2.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS),
            verify=trusted(place),
            trust_env=True,
        )

    def look(self, key: str) -> StoredVersion | None:
        try:
            with self._errors(key):
                found = self.client.head_object(Bucket=self.bucket, Key=self.prefix + key, **self._payer)
        except FileGoneError:
            return None
        version_id = found.get("VersionId")
        return StoredVersion(
            found["ContentLength"],
            _nanoseconds(found["LastModified"]),
            found["ETag"].strip('"'),
            None if version_id == "null" else version_id,
        )

    def read(self, key: str, version: StoredVersion, start: int, end: int) -> bytes:
        of_version = {"VersionId": version.version_id} if version.version_id else {}
        with self._errors(key):
            answer = self.client.get_object(
                Bucket=self.bucket,
                Key=self.prefix + key,
                Range=f"bytes={start}-{end - 1}",
                IfMatch=f'"{version.etag}"',
                **of_version,
                **self._payer,
            )
            with answer["Body"] as body:
                _check_range(answer, version, start, end)
                return read_in_time(_parts(body, end - start), end - start, "store")

    def upload(self, key: str, blocks: Iterable[bytes]) -> None:
        where = {"Bucket": self.bucket, "Key": self.prefix + key} | self._payer
        with self._errors(key):
            upload = self.client.create_multipart_upload(**where)["UploadId"]
            try:
                parts = [
                    {"PartNumber": number, "ETag": self._upload_part(where, upload, number, part)}
                    for number, part in enumerate(in_parts(blocks, _PART_BYTES), 1)
                ]
                self.client.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": parts})
            except BaseException:
                with suppress(exceptions.BotoCoreError, exceptions.ClientError):  # a rule of the bucket clears it away
                    self.client.abort_multipart_upload(**where, UploadId=upload)
                raise

    def _upload_part(self, where: dict[str, Any], upload: str, number: int, part: bytes) -> str:
        done = self.client.upload_part(**where, UploadId=upload, PartNumber=number, Body=part)
        return str(done["ETag"])

    def close(self) -> None:
        self.client.close()
        self._lists.close()

    def pages(self, after: str | None = None) -> Iterator[list[ListedFile]]:
        token, known, seen = None, self._decoded, dict[bytes, list[ListedFile]]()
        while True:
            page = self._list(token, None if after is None else self.prefix + after)
            digest = sha256(page.contents).digest()
            files = known.get(digest)
            seen[digest] = page.files(len(self.prefix)) if files is None else files
            yield seen[digest]
            if page.token is None:
                self._decoded = seen
                return
            token = page.token

    def _list(self, token: str | None, after: str | None) -> "_Page":
        parameters: dict[str, Any] = {"Bucket": self.bucket, "Prefix": self.prefix, "EncodingType": "url"} | self._payer
        if token is not None:
            parameters["ContinuationToken"] = token
        elif after is not None:
            parameters["StartAfter"] = after
        with self._errors(""):
            url = self.client.generate_presigned_url("list_objects_v2", Params=parameters, ExpiresIn=_URL_SECONDS)
            try:
                answer = self._lists.get(url)
            except httpx2.TransportError as error:
                raise TransientError(f"{self._place.url} cannot be listed now: {_words(error)}") from error
            if answer.status_code != httpx2.codes.OK:
                self.client.list_objects_v2(**parameters)  # knows what every refusal means, and other regions
                raise TransientError(f"{self._place.url} cannot be listed now: HTTP {answer.status_code}")
            return _Page(answer.content)

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        """Says what botocore's errors mean for whoever declared the place. No message holds a secret."""
        url = f"{self._place.url.rstrip('/')}/{key}" if key else self._place.url
        try:
            yield
        except exceptions.ClientError as error:
            raise _error_of_answer(url, self._place, error) from None
        except (exceptions.HTTPClientError, exceptions.EndpointConnectionError) as error:
            if isinstance(error, exceptions.SSLError):
                raise PlaceError(
                    f"{url}: the certificate of the store is not accepted ({error}). Name the certificate of its "
                    "authority in `caFile`, or correct `endpoint`."
                ) from None
            raise TransientError(f"{url} cannot be read now: {error}") from error
        except (exceptions.IncompleteReadError, exceptions.ResponseStreamingError) as error:
            raise TransientError(f"{url}: the connection broke off ({error})") from error
        except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError, exceptions.ProfileNotFound) as error:
            raise PlaceError(
                f"{url}: {str(error).rstrip('.')}. Name the credentials in the source by reference (`accessKeyId: "
                "env:NAME`, `secretAccessKey: env:NAME`), give the process the usual AWS variables, profile or role, "
                "or declare `anonymous: true` for a public bucket."
            ) from None
        except (exceptions.BotoCoreError, ValueError) as error:
            raise PlaceError(f"{url}: {error}. Correct the source {self._place.name}.") from None


def _check_range(answer: dict[str, Any], version: StoredVersion, start: int, end: int) -> None:
    """Whether the answer is what was asked for: not every store that speaks S3 obeys `If-Match` and `Range`."""
    if answer["ETag"].strip('"') != version.etag:
        raise FileChangedError(CHANGED)
    is_whole = start == 0 and end == version.size_bytes and "ContentRange" not in answer
    if not is_whole and answer.get("ContentRange") != f"bytes {start}-{end - 1}/{version.size_bytes}":
        raise TransientError(
            f"The store answered with the bytes {answer.get('ContentRange')!r} in place of {start}-{end}"
        )


def _parts(body: Any, size: int) -> Iterator[bytes]:
    left = size
    while left > 0 and (part := body.read(min(_BLOCK_BYTES, left))):
        left -= len(part)
        yield part


_ADVICE = {
    "NoSuchBucket": "there is no such bucket. Correct `url`, or `endpoint` if it is a bucket of another store",
    "InvalidAccessKeyId": "the store does not know the access key. Correct the credentials that the source refers to",
    "SignatureDoesNotMatch": "the secret key does not belong to the access key. Correct the credentials that the "
    "source refers to, and `region`",
    "ExpiredToken": "the session token has expired. Give the process a new one",
    "InvalidToken": "the session token is not valid. Give the process a new one",
    "RequestTimeTooSkewed": "the clock of this machine differs from that of the store. Set it",
    "PermanentRedirect": "the bucket is in another region. Correct `region`",
    "AuthorizationHeaderMalformed": "the bucket is in another region. Correct `region`",
    "InvalidObjectState": "the object is archived. Restore it in the store first",
    "InvalidBucketName": "the name of the bucket is not valid. Correct `url`",
}
_LIST_ADVICE = "The credentials need s3:ListBucket for the bucket and s3:GetObject for its objects"


def _error_of_answer(url: str, place: PlaceDefinition, error: exceptions.ClientError) -> Exception:
    """What an answer that is no success means."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in _ADVICE:
        return PlaceError(f"{url}: {_ADVICE[code]} (source {place.name}).")
    if code in ("PreconditionFailed", "InvalidRange") or status in (412, 416):
        return FileChangedError(CHANGED)
    if status == 404:
        return FileGoneError(GONE)
    if status in (301, 307, 400) and "egion" in str(error):
        return PlaceError(f"{url}: the bucket is in another region. Correct `region` (source {place.name}).")
    if status in (401, 403):
        return PlaceError(f"{url}: access is denied ({code}). {_LIST_ADVICE} (source {place.name}).")
    if status == 429 or status >= 500 or code in ("SlowDown", "RequestTimeout"):
        return TransientError(f"{url} cannot be read now: the store answers {code} (HTTP {status})")
    return PlaceError(f"{url}: the store answers {code} (HTTP {status}). Check the source {place.name}.")


# -- listings --------------------------------------------------------------------------------------------------------


class _Page:
    """A page of a listing: the answer of ListObjectsV2."""

    def __init__(self, body: bytes) -> None:
        begin, end = body.find(b"<Contents>"), body.rfind(b"</Contents>") + len(b"</Contents>")
        self.contents = body[begin:end] if begin >= 0 else b""
        around = _parsed(body[:begin] + body[end:] if begin >= 0 else body)
        said = {each.tag.rpartition("}")[2]: each.text for each in around}
        if not self.contents and said.get("KeyCount", "0") != "0":
            raise TransientError("The store answered with a listing that cannot be read")
        self.is_encoded = said.get("EncodingType") == "url"
        self.token = said.get("NextContinuationToken") if said.get("IsTruncated") == "true" else None

    def files(self, prefix_length: int) -> list[ListedFile]:
        """Decodes the objects; keys are those after the prefix."""
        files = []
        for each in _parsed(b"<all>" + self.contents + b"</all>"):
            name = each.findtext("Key") or ""
            if self.is_encoded and ("%" in name or "+" in name):
                name = unquote_plus(name)
            modified = _listed_time(each.findtext("LastModified") or "")
            version = StoredVersion(int(each.findtext("Size") or 0), modified, (each.findtext("ETag") or "").strip('"'))
            files.append(ListedFile(name[prefix_length:], version))
        return files


def _parsed(text: bytes) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise TransientError(f"The store answered with a listing that is no XML ({error})") from error


@lru_cache(maxsize=4_096)
def _listed_time(text: str) -> int:
    return _nanoseconds(datetime.fromisoformat(text))


def _nanoseconds(time: datetime) -> int:
    at = time if time.tzinfo else time.replace(tzinfo=UTC)
    return int(at.timestamp()) * 1_000_000_000 + at.microsecond * 1_000


def _words(error: Exception) -> str:
    """What went wrong, without the address, which is signed."""
    return str(error) or type(error).__name__
