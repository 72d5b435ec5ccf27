"""Path parameters that contain a key of the data, which can be any text.

Keys may contain slashes and line breaks. Starlette's own `path` stops at a line break; `text` does not.
"""

from starlette.convertors import Convertor, register_url_convertor


class TextConvertor(Convertor[str]):
    """Matches as much as possible: what follows the parameter is a suffix, not a separator."""

    regex = r"[\s\S]+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("text", TextConvertor())


def text(parameter: str) -> str:
    """One or more path segments that contain any text."""
    return f"{{{parameter}:text}}"
