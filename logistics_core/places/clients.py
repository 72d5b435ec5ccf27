"""Clients of object stores, as a definition of a place describes them: S3 by botocore, Azure and Google by obstore.

Whoever has only to look at definitions does not import this module: the libraries take their time.
"""

from datetime import timedelta
from typing import Any

import botocore.session
from botocore import UNSIGNED
from botocore.config import Config
from obstore.store import AzureStore, GCSStore

from logistics_core.places.definition import PlaceDefinition
from logistics_core.places.time_limits import CONNECT_SECONDS, RANGE_SECONDS, SILENCE_SECONDS

BOTOCORE_ATTEMPTS = 3

_CREDENTIALS = {
    "az": {
        "accountName": "account_name",
        "accountKey": "account_key",
        "sasToken": "sas_key",
        "clientId": "client_id",
        "clientSecret": "client_secret",
        "tenantId": "tenant_id",
    },
    "gs": {"serviceAccountKey": "service_account_key", "serviceAccountFile": "service_account"},
}
_OPTIONS = {
    "az": {"accountName": "account_name", "endpoint": "endpoint", "anonymous": "skip_signature"},
    "gs": {"endpoint": "base_url", "anonymous": "skip_signature"},
}
"""What definitions name, as obstore names it."""


def s3_client(place: PlaceDefinition) -> Any:
    """A client with the declared credentials, or with those that botocore finds in the environment.

    Raises:
        SecretError: a credential is not where the definition says.
        BotoCoreError: an option makes no sense.
    """
    anonymous = place.option("anonymous") == "true"
    endpoint = place.option("endpoint")
    style = "path" if place.option("pathStyle") != "false" and endpoint else "auto"
    config = Config(
        signature_version=UNSIGNED if anonymous else "s3v4",
        connect_timeout=CONNECT_SECONDS,
        read_timeout=SILENCE_SECONDS,
        retries={"mode": "standard", "total_max_attempts": BOTOCORE_ATTEMPTS},
        s3={"addressing_style": style},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    session = botocore.session.Session(profile=place.option("profile"))
    return session.create_client(
        "s3",
        region_name=place.option("region") or session.get_config_variable("region") or "us-east-1",
        endpoint_url=endpoint,
        verify=place.option("caFile") or None,
        aws_access_key_id=place.credential("accessKeyId"),
        aws_secret_access_key=place.credential("secretAccessKey"),
        aws_session_token=place.credential("sessionToken"),
        config=config,
    )


def cloud_store(place: PlaceDefinition) -> Any:
    """The objects of a container or bucket below the prefix of the URL, as obstore has them.

    Raises:
        SecretError: a credential is not where the definition says.
        BaseError: an option makes no sense.
    """
    bucket, prefix = bucket_and_prefix(place)
    config: dict[str, Any] = {}
    for name, theirs in _OPTIONS[place.scheme].items():
        if (value := place.option(name)) is not None:
            config[theirs] = value
    for name, theirs in _CREDENTIALS[place.scheme].items():
        if (secret := place.credential(name)) is not None:
            config[theirs] = secret
    options: Any = {
        "allow_http": str(place.option("endpoint") or "").startswith("http://"),
        "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
        "read_timeout": timedelta(seconds=SILENCE_SECONDS),
        "timeout": timedelta(seconds=RANGE_SECONDS),
    }
    retries: Any = {"max_retries": 2, "retry_timeout": timedelta(seconds=30)}
    kind: Any = AzureStore if place.scheme == "az" else GCSStore
    return kind(bucket, prefix=prefix or None, config=config, client_options=options, retry_config=retries)


def bucket_and_prefix(place: PlaceDefinition) -> tuple[str, str]:
    """The bucket or container of a place, and what the keys of its objects begin with, without slashes around."""
    bucket, _, prefix = place.url.partition("://")[2].partition("/")
    return bucket, prefix.strip("/")
