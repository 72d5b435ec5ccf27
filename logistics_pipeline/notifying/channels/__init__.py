"""How messages are sent: one module per channel. Each sends one message once, and says how that ended.

No channel reads or writes the database, and none tries twice.
"""
