"""Notifications in a queue of SQS make the sensor look at once. The queue is moto's, in the folder of peers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from bench.object_store import ACCESS_KEY, SECRET_KEY, Bucket
from logistics_core.catalogue import built_in_catalogue
from logistics_core.places.definition import PlaceDefinition
from logistics_pipeline.files.looks import Looks
from logistics_pipeline.files.places import Place
from tests.ports import free_port
from tests.sources.test_real_peers import peers, serving  # noqa: F401

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sqs(peers: Path) -> Iterator[Any]:  # noqa: F811
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [str(peers / "moto" / "bin" / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    with serving(command, f"{url}/moto-api/"):
        yield botocore.session.get_session().create_client(
            "sqs",
            region_name="us-east-1",
            endpoint_url=url,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
        )


@pytest.fixture
def queue(sqs: Any, bucket: Bucket) -> str:
    return str(sqs.create_queue(QueueName=bucket.name)["QueueUrl"])


def looking(bucket: Bucket, queue: str) -> Looks:
    """At a place that was looked at a moment ago, and is next in an hour."""
    options = bucket.place().options
    place: PlaceDefinition = bucket.place(
        options={**options, "queue": queue}, shortest_poll_seconds=3600.0, longest_poll_seconds=3600.0
    )
    looks = Looks()
    catalogue = built_in_catalogue()
    looks.declare([Place(place, catalogue)], catalogue)
    looks.go_on()
    assert looks.take_hints() == [] and looks.go_on() == []
    return looks


def test_a_notification_makes_a_look_due(sqs: Any, queue: str, bucket: Bucket) -> None:
    looks = looking(bucket, queue)
    bucket.put("shipments/june.json", [])
    for number in range(25):  # more than are handed out at once
        sqs.send_message(QueueUrl=queue, MessageBody=f"notification {number}")

    assert looks.take_hints() == []
    assert len(looks.go_on()) == 1

    assert [found.key for found in looks.files()] == [f"{bucket.url}/shipments/june.json"]
    waiting = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert waiting["ApproximateNumberOfMessages"] == waiting["ApproximateNumberOfMessagesNotVisible"] == "0"
    assert looks.take_hints() == [] and looks.go_on() == []


@pytest.mark.parametrize("wrong", ["{queue}-none", "http://127.0.0.1:9/1/queue"])
def test_a_queue_that_cannot_be_read_is_said_and_hinders_nothing(queue: str, bucket: Bucket, wrong: str) -> None:
    looks = looking(bucket, queue)
    place = bucket.place(options={**bucket.place().options, "queue": wrong.format(queue=queue)})
    catalogue = built_in_catalogue()
    looks.declare([Place(place, catalogue)], catalogue)

    (problem,) = looks.take_hints()

    assert "cannot be read" in problem and "sqs:ReceiveMessage" in problem and SECRET_KEY not in problem
    (look,) = looks.go_on()
    assert look.error is None and look.files == {}
