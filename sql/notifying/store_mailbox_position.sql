-- Notes until where a mailbox for bounces was read.
-- Changes notify.bounce_mailboxes.
INSERT INTO notify.bounce_mailboxes (mailbox, uid_validity, last_uid)
VALUES (%(mailbox)s, %(uid_validity)s, %(last_uid)s)
ON CONFLICT (mailbox) DO UPDATE SET
    uid_validity = excluded.uid_validity,
    last_uid = excluded.last_uid,
    read_at = clock_timestamp()
