"""Converts errors that reach the outermost middleware to problems, and logs unexpected ones with their traceback.

Errors inside FastAPI are handled there (`http.error_handlers`); these are errors of the middleware itself, and bugs.
"""

from starlette.types import Receive, Scope, Send

from logistics_api.errors import Problem, internal_error, log_unexpected
from logistics_api.http.context import context_of


async def respond_to_error(error: Exception, scope: Scope, receive: Receive, send: Send) -> None:
    """Sends the problem response for an error.

    Raises:
        Exception: `error` itself, if part of a response has been sent: only a closed connection signals that.
    """
    if isinstance(error, Problem):
        await error.response(scope)(scope, receive, send)
        return
    log_unexpected(scope, error)
    context = context_of(scope)
    if context.is_started and not context.is_finished:
        raise error
    if not context.is_started:
        await internal_error().response(scope)(scope, receive, send)
