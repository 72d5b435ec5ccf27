"""What is allowed without a key: nothing, the scopes in the settings, or everything from this machine."""

from collections.abc import Mapping

from logistics_api.http.auth.origins import FORWARDED, THIS_MACHINE, host_name
from logistics_api.http.auth.problems import foreign_host, forwarded
from logistics_api.http.auth.scopes import ALERTS, AUDIT, BOARDS, CONTRACTS, EXPORT, INGEST, READ
from logistics_core.settings import Settings


class AnonymousPolicy:
    """The scopes of requests without a key, and the conditions for using them."""

    def __init__(self, settings: Settings, *, is_local: bool) -> None:
        self.scopes = frozenset(_scopes(settings, is_local))
        self._hosts = _allowed_hosts(settings, is_local)
        self._refuses_forwarded = is_local and settings.api_anonymous is None

    def check(self, headers: Mapping[bytes, bytes]) -> None:
        """Rejects requests that were addressed to another host, or may not originate on this machine.

        Raises:
            Problem: 401 or 403.
        """
        if not self.scopes:
            return
        if self._hosts is not None and host_name(headers.get(b"host", b"")) not in self._hosts:
            raise foreign_host()
        if self._refuses_forwarded and any(name in headers for name in FORWARDED):
            raise forwarded()


def _scopes(settings: Settings, is_local: bool) -> list[str]:
    if settings.api_anonymous is None:
        return [READ, EXPORT, INGEST, CONTRACTS, BOARDS, ALERTS, AUDIT] if is_local else []
    return [] if settings.api_anonymous == "none" else settings.api_anonymous.split(",")


def _allowed_hosts(settings: Settings, is_local: bool) -> frozenset[str] | None:
    """Host names that can be used without a key; None: any."""
    listed = frozenset(settings.api_hosts.lower().split(",")) if settings.api_hosts else frozenset[str]()
    if is_local:
        own = settings.api_host.strip("[]").lower()
        return listed | THIS_MACHINE | {f"[{own}]" if ":" in own else own}
    return listed or None
