"""Path parameters that hold a key of the data: any text at all.

Keys may hold slashes and line breaks. Starlette's own `path` stops at a line break; `text` does not.
"""

from starlette.convertors import Convertor, register_url_convertor


class TextConvertor(Convertor[str]):
    """Matches as much as it can: what stands behind the parameter is a suffix, not a separator."""

    regex = r"[\s\S]+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("text", TextConvertor())


def text(parameter: str) -> str:
    """A path's segment, or several, that holds any text."""
    return f"{{{parameter}:text}}"
