"""The kinds of fault: what each does to the requests of a pull, and what a run of its kind has to show."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.sources.servers import faults
from tests.sources.servers.faults import Fault
from tests.sources.servers.fleet_api import SHIFTING, STYLES

Make = Callable[[Random], Fault]

PAGED = tuple(style for style in STYLES if style != "none")
AUTHENTICATIONS = ("none", "header", "query", "basic", "bearer", "oauth2ClientCredentials", "oauth2Refresh")


@dataclass(frozen=True)
class Kind:
    """A kind of fault."""

    name: str
    make: Make | None = None
    """The fault that strikes requests; None for what is done in another way."""
    strikes: tuple[int, int] = (1, 3)
    """How many requests it strikes, at least and at most."""
    styles: tuple[str, ...] = STYLES
    authentications: tuple[str, ...] = AUTHENTICATIONS
    gives_total: bool | None = None
    """Whether the API must give a total; None: by chance."""
    must_be_seen: bool = False
    """Whether a pull has to report it, by a warning or an error."""
    is_tls: bool = False
    in_a_row: bool = False
    """Whether the strikes follow each other."""


KINDS = (
    Kind("killed"),
    Kind("records change meanwhile"),
    Kind("pages shift", styles=SHIFTING),
    Kind("cut in mid-page", lambda chance: faults.cut(chance.uniform(0.05, 0.95))),
    Kind("closed without a byte", lambda chance: faults.closed()),
    Kind(
        "429 storm",
        lambda chance: faults.too_many(chance.choice([0, 0, 1]), chance.choice(["seconds", "date", "none"])),
        strikes=(3, 9),
        in_a_row=True,
    ),
    Kind("500s", lambda chance: faults.status(chance.choice([500, 502, 503, 504])), strikes=(2, 8), in_a_row=True),
    Kind("token expires", authentications=("oauth2ClientCredentials", "oauth2Refresh")),
    Kind("clock skew", lambda chance: faults.clock_skew(chance.choice([-1, 1]) * chance.uniform(60, 3_000))),
    Kind("page repeated", styles=PAGED),
    Kind(
        "page dropped", styles=("cursor", "cursorHeader", "linkHeader", "nextUrl"), gives_total=True, must_be_seen=True
    ),
    Kind("pages go round", styles=("cursor", "cursorHeader", "linkHeader", "nextUrl"), must_be_seen=True),
    Kind("TLS", is_tls=True, must_be_seen=False),
    Kind("gigabyte page", lambda chance: faults.endless(1 << 30), strikes=(1, 1), must_be_seen=True),
    Kind("large page", lambda chance: faults.endless(chance.randint(8, 40) << 20), strikes=(1, 1)),
    Kind("decompression bomb", lambda chance: faults.gzip_bomb(256 << 20), strikes=(1, 1), must_be_seen=True),
    Kind("slow drip", lambda chance: faults.drip(chance.randint(3, 30), chance.choice([0.002, 0.4]))),
    Kind("no answer", lambda chance: faults.hang(2)),
    Kind("login page", lambda chance: faults.login_page(), must_be_seen=True),
    Kind("truncated gzip", lambda chance: faults.truncated_gzip(chance.uniform(0.1, 0.95))),
    Kind("wrong length", lambda chance: faults.wrong_length(chance.choice([-200, -1, 1, 500]))),
    Kind("error with status 200", lambda chance: faults.error_with_200({"error": {"message": "try later"}})),
    Kind("redirect elsewhere", lambda chance: faults.redirect("http://169.254.169.254/latest"), must_be_seen=True),
)
