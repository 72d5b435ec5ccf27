"""Which files of a web server belong to a place. Imports no client: keys are made wherever files are named."""

from urllib.parse import unquote, urlsplit

from logistics_core.places.definition import PlaceDefinition


def folder_path(place: PlaceDefinition) -> str:
    """The decoded path, with a slash at the end, below which all files of a place are."""
    if place.option("list") == "urls":
        return "/"
    path = urlsplit(place.url).path or "/"
    return unquote(path[: path.rindex("/") + 1], errors="surrogateescape")
