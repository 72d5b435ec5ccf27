"""Tells the delimiter of a CSV file by its rows where its header leaves it open (a single column, unknown names)."""

_SAMPLE_BYTES = 2048
"""On real files as good as a larger sample; on hostile ones the library takes half a second, not minutes."""


def most_regular(head: bytes, likely: list[str]) -> str | None:
    """Returns the delimiter that makes the most regular table of the first rows; None if there is only one column."""
    import clevercsv  # few files need it: it takes 14 MiB and half a second to import

    sample = "\n".join(head[:_SAMPLE_BYTES].decode("utf-8", "replace").replace("\0", " ").splitlines())
    try:
        dialect = clevercsv.Detector().detect(sample, delimiters=likely)
    except clevercsv.Error:
        return None
    return dialect.delimiter if dialect is not None else None
