-- The digest of a window, locked until the transaction ends: it is not closed before what goes into it is committed.
-- Reads notify.digests: one row. Publishers share the lock.
SELECT
    digest_id,
    closed_at
FROM notify.digests
WHERE endpoint_id = %(endpoint_id)s AND recipient = %(recipient)s AND kind = %(kind)s AND ends_at = %(ends_at)s
FOR SHARE
