-- Mailboxes for bounces that are read by IMAP: until where.

CREATE TABLE IF NOT EXISTS notify.bounce_mailboxes (
    mailbox      text PRIMARY KEY,
    uid_validity bigint NOT NULL,
    last_uid     bigint NOT NULL,
    read_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE notify.bounce_mailboxes IS 'Mailboxes for bounces: one row per mailbox that was read';
COMMENT ON COLUMN notify.bounce_mailboxes.mailbox IS 'User, server and folder: name@server/INBOX';
COMMENT ON COLUMN notify.bounce_mailboxes.uid_validity IS 'Of the numbers of its mails: if the server has another one, all are read again';
COMMENT ON COLUMN notify.bounce_mailboxes.last_uid IS 'The newest mail that was read';
