"""Pages of listings, as stores write them."""

import pytest

from logistics_pipeline.errors import TransientError
from logistics_pipeline.files.s3 import _Page

CONTENTS = (
    "<Contents><Key>{}</Key><LastModified>2024-05-01T12:00:00.500Z</LastModified>"
    "<ETag>&quot;abc-2&quot;</ETag><Size>7</Size></Contents>"
)
PAGE = (
    '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><KeyCount>2</KeyCount>'
    "{}<NextContinuationToken>a&amp;b</NextContinuationToken>{}<CommonPrefixes/></ListBucketResult>"
)


def test_a_page_is_decoded() -> None:
    text = PAGE.format(
        "<IsTruncated>true</IsTruncated><EncodingType>url</EncodingType>",
        CONTENTS.format("in/a+b%2Bc%0A.csv") + CONTENTS.format("in/%E6%97%A5.csv"),
    )

    page = _Page(text.encode())

    assert page.token == "a&b"
    assert [file.key for file in page.files(3)] == ["a b+c\n.csv", "日.csv"]
    version = page.files(3)[0].version
    assert version == (7, 1_714_564_800_500_000_000, "abc-2", None)


def test_keys_that_are_not_encoded_stay_as_they_are() -> None:
    page = _Page(PAGE.format("<IsTruncated>false</IsTruncated>", CONTENTS.format("a+b%20&amp;.csv")).encode())

    assert page.token is None
    assert [file.key for file in page.files(0)] == ["a+b%20&.csv"]


def test_an_empty_bucket_has_no_files() -> None:
    page = _Page(b"<ListBucketResult><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>")

    assert page.files(0) == [] and page.token is None


@pytest.mark.parametrize(
    "text",
    [
        b"not xml",
        b"<ListBucketResult><Contents><Key>a",
        b"<x:ListBucketResult xmlns:x='y'><x:KeyCount>1</x:KeyCount><x:Contents/></x:ListBucketResult>",
        b"",
    ],
)
def test_an_answer_that_cannot_be_read_is_not_taken_for_an_empty_bucket(text: bytes) -> None:
    with pytest.raises(TransientError):
        _Page(text).files(0)
