-- Addresses that do not get all mails: one row per address, endpoint and topics, the newest first.
-- Reads notify.suppressions and notify.endpoints.
SELECT
    entry.recipient,
    endpoint.name AS endpoint,
    entry.topic,
    entry.kind,
    entry.reason,
    entry.suppressed_at
FROM notify.suppressions AS entry
LEFT JOIN notify.endpoints AS endpoint ON entry.endpoint_id = endpoint.endpoint_id
ORDER BY entry.suppressed_at DESC, entry.suppression_id DESC
