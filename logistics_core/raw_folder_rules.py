"""The rules of the raw folder that who puts files into it must keep: which names are not looked at.

Known to the pipeline, which looks (`files.folder`), and to the API, which writes uploads there.
"""

UNFINISHED = (".tmp", ".temp", ".part", ".partial", ".crdownload", ".download", ".filepart", ".swp", "~")


def is_ignored(name: str) -> bool:
    """Whether a file of this name is hidden, or by its name still being written; so is all in a hidden folder."""
    return name.startswith(".") or name.lower().endswith(UNFINISHED)
