-- Notes a declared endpoint: added, changed, or there again. What failed before its declaration changed is over.
-- Changes notify.endpoints; returns its number.
INSERT INTO notify.endpoints AS endpoint (
    name, title, channel, configuration, recipients, time_zone, language, quiet_from, quiet_until, digest, digest_at,
    per_hour, sha256
) VALUES (
    %(name)s, %(title)s, %(channel)s, %(configuration)s, %(recipients)s, %(time_zone)s, %(language)s, %(quiet_from)s,
    %(quiet_until)s, %(digest)s, %(digest_at)s, %(per_hour)s, %(sha256)s
)
ON CONFLICT (name) DO UPDATE SET
    title = excluded.title,
    channel = excluded.channel,
    configuration = excluded.configuration,
    recipients = excluded.recipients,
    time_zone = excluded.time_zone,
    language = excluded.language,
    quiet_from = excluded.quiet_from,
    quiet_until = excluded.quiet_until,
    digest = excluded.digest,
    digest_at = excluded.digest_at,
    per_hour = excluded.per_hour,
    sha256 = excluded.sha256,
    declared_at = clock_timestamp(),
    removed_at = NULL,
    failures = 0,
    failing_since = NULL,
    paused_until = NULL,
    disabled_at = NULL,
    disabled_reason = NULL
RETURNING endpoint_id
