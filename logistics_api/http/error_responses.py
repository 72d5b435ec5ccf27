"""Errors that reach the outermost middleware become problem responses; unexpected ones are logged with their traceback.

Errors inside FastAPI are handled there (`logistics_api.errors.install`); these are the middleware's own, and bugs.
"""

from starlette.types import Receive, Scope, Send

from logistics_api.errors import Problem, internal_error, log_unexpected
from logistics_api.http.context import context_of


async def respond_to_error(error: Exception, scope: Scope, receive: Receive, send: Send) -> None:
    """Sends the problem response of an error.

    Raises:
        Exception: `error` itself, where part of a response has been sent: only closing the connection tells the client.
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
