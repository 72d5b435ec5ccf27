"""A SeaweedFS server for tests and benchmarks: buckets as of Amazon S3, with versions and signatures."""

import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import botocore.session
import httpx2
from botocore.config import Config

from logistics_core.places.definition import PlaceDefinition

_LOWEST_PORT, _HIGHEST_PORT = 10_000, 30_000
"""Below those that the system gives to clients."""
_ENVIRONMENT = {"WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"}
"""One volume for each bucket is enough, and is made sooner than seven."""
ACCESS_KEY, SECRET_KEY = "testing", "testing-secret-7f3a"
_numbers = count()


@dataclass(frozen=True)
class Bucket:
    """One bucket, as somebody else fills it."""

    name: str
    endpoint: str
    client: Any = field(repr=False)

    @property
    def url(self) -> str:
        return f"s3://{self.name}"

    def put(self, key: str, content: bytes | str | object) -> str:
        """Stores an object: records as JSON, text and bytes as they are; returns its ETag."""
        text = content if isinstance(content, bytes | str) else json.dumps(content)
        body = text if isinstance(text, bytes) else text.encode()
        return str(self.client.put_object(Bucket=self.name, Key=key, Body=body)["ETag"]).strip('"')

    def delete(self, key: str) -> None:
        self.client.delete_object(Bucket=self.name, Key=key)

    def keep_versions(self) -> None:
        self.client.put_bucket_versioning(Bucket=self.name, VersioningConfiguration={"Status": "Enabled"})

    def place(self, prefix: str = "", *, endpoint: str | None = None, **others: Any) -> PlaceDefinition:
        """A place of its objects, with credentials that the environment of the tests does not have."""
        given = {
            "name": "lake",
            "url": f"{self.url}/{prefix}".rstrip("/"),
            "options": {"endpoint": endpoint or self.endpoint, "region": "us-east-1"},
            "credentials": {"accessKeyId": ACCESS_KEY, "secretAccessKey": SECRET_KEY},
        }
        return PlaceDefinition(**(given | others))


@dataclass(frozen=True)
class Weed:
    """The server."""

    endpoint: str

    @property
    def client(self) -> Any:
        return botocore.session.get_session().create_client(
            "s3",
            region_name="us-east-1",
            endpoint_url=self.endpoint,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, read_timeout=600),
        )

    def bucket(self) -> Bucket:
        """Makes an empty bucket."""
        name, client = f"bucket-{next(_numbers)}", self.client
        client.create_bucket(Bucket=name)
        return Bucket(name, self.endpoint, client)


@contextmanager
def serving(folder: Path, volume_mb: int = 128) -> Iterator[Weed]:
    """Runs a server with its data in a folder."""
    identity = {"name": "tests", "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]}
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [identity | {"actions": ["Admin", "Read", "Write", "List"]}]}))
    ports = {name: _free_port() for name in ("s3", "master", "volume", "filer")}
    grpc = {f"{name}.port.grpc": _free_port() for name in ports}
    options = {f"{name}.port": port for name, port in ports.items()} | grpc | {
        "s3.port.iceberg": 0, "s3.port.lance": 0, "master.telemetry": "false", "s3.config": config,
        "volume.max": 5_000, "master.volumeSizeLimitMB": volume_mb, "ip": "127.0.0.1", "ip.bind": "127.0.0.1",
    }  # fmt: skip
    command = [str(Path(sys.executable).parent / "weed"), "server", "-s3", f"-dir={folder}"]
    command += [f"-{name}={value}" for name, value in options.items()]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=os.environ | _ENVIRONMENT) as process,
    ):
        try:
            weed = Weed(f"http://127.0.0.1:{ports['s3']}")
            _wait(weed, process)
            yield weed
        finally:
            process.kill()  # nothing needs to last, and it takes its time to end


def _free_port() -> int:
    while True:
        with suppress(OSError), socket.socket() as probe:
            port = random.randrange(_LOWEST_PORT, _HIGHEST_PORT)
            probe.bind(("127.0.0.1", port))
            return port


def _wait(weed: Weed, process: subprocess.Popen[bytes]) -> None:
    """Until an object can be stored: volumes come some time after the port."""
    deadline, last = time.monotonic() + 60, None
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx2.get(weed.endpoint)
            weed.bucket().put("ready", b"ready")
            return
        except Exception as error:  # noqa: BLE001
            last = error
            time.sleep(0.2)
    raise AssertionError(f"SeaweedFS did not start: {last}")
