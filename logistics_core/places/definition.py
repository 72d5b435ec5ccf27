"""A place as its definition declares it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from logistics_core.places.secrets import Secret


@dataclass(frozen=True)
class PlaceDefinition:
    """A place as a source of `kind: files` declares it. Holds references to secrets, never their values."""

    name: str
    """Of the source."""
    url: str
    dataset: str | None = None
    """What all of its files hold. None: the path of each names its dataset, as in the raw folder."""
    options: Mapping[str, str | int | float | bool] = field(default_factory=dict, hash=False)
    credentials: Mapping[str, str | Secret] = field(default_factory=dict, hash=False, repr=False)
    land: bool = False
    """Whether files are copied to disk before they are loaded."""
    shortest_poll_seconds: float = 5.0
    longest_poll_seconds: float = 300.0
    private: bool = False
    """Whether a web server may have an address of a private network or of this machine."""

    @property
    def scheme(self) -> str:
        """Of its URL."""
        return self.url.partition("://")[0]

    def credential(self, name: str) -> str | None:
        """A credential's value, looked up now; None if the definition has none of that name.

        Raises:
            SecretError: it is not where the definition says.
        """
        found = self.credentials.get(name)
        return found if found is None or isinstance(found, str) else found.value()

    def option(self, name: str) -> str | None:
        """An option as text; None if the definition has none of that name."""
        found = self.options.get(name)
        return None if found is None else str(found).lower() if isinstance(found, bool) else str(found)
