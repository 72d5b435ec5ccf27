-- The digest of a window, made if there is none, and locked until the transaction ends.
-- Changes notify.digests: one row per endpoint, recipient, kind and window.
-- A window that is closed already (its end came while an event was published) gives way to one that ended when it closed.
INSERT INTO notify.digests (endpoint_id, recipient, kind, ends_at)
SELECT
    %(endpoint_id)s,
    %(recipient)s,
    %(kind)s,
    greatest(
        %(ends_at)s,
        (
            SELECT max(closed.closed_at)
            FROM notify.digests AS closed
            WHERE
                closed.endpoint_id = %(endpoint_id)s
                AND closed.recipient = %(recipient)s
                AND closed.kind = %(kind)s
                AND closed.ends_at >= %(ends_at)s
        )
    )
ON CONFLICT (endpoint_id, recipient, kind, ends_at) DO UPDATE SET ends_at = excluded.ends_at
RETURNING digest_id, closed_at
