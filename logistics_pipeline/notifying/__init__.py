"""Messages about events: who gets which, when, on which channel, and what became of each.

`publishing` writes an event and its messages in the transaction of whoever has something to tell. `delivery` sends what
is due, in the worker. `declaring` reads the endpoints. Which rules make an event is no business of this package.
"""
