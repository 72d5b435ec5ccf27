"""Whether a connection that was idle can still be used, of any driver."""

import select


def has_news(descriptor: int) -> bool:
    """Whether the server has sent something to an idle connection: that it closes it, or that its settings changed.

    Either way another connection is better. Asks the socket, not the server: it costs nothing.
    """
    poller = select.poll()  # select.select takes no descriptor above 1023
    poller.register(descriptor, select.POLLIN)
    return bool(poller.poll(0))
