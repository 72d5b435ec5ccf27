"""Routers whose routes an application takes as they are.

`FastAPI.include_router` makes each route once more for every application, with all its models: two tenths of a second
for all of them, at the start and whenever a contract has changed. It also has two levels of routes looked through for
a request.
"""

from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute


class Router(APIRouter):
    """The routes of a subject.

    Operations have the names of their functions: generated clients keep their methods when a path changes.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(generate_unique_id_function=_operation_id, **options)


def _operation_id(route: APIRoute) -> str:
    return route.name
