-- Mails about incidents show their chart, which is looked up a moment after they were announced: mails wait for it, a
-- few seconds at most. No other message does.

ALTER TABLE notify.messages ADD COLUMN IF NOT EXISTS awaits_chart boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN notify.messages.awaits_chart IS 'Whether it was put off for some seconds so that it can show the chart of its incident';

CREATE OR REPLACE FUNCTION notify.send_with_chart()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
BEGIN
    UPDATE notify.messages
    SET due_at = pg_catalog.clock_timestamp(), awaits_chart = false, reason = NULL
    WHERE thread = 'incident:' || NEW.incident_id AND state = 'waiting' AND awaits_chart AND tries = 0;
    IF FOUND THEN
        PERFORM pg_catalog.pg_notify('messages', '');
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION notify.send_with_chart IS 'Sends the mails that wait for the chart of an incident';
REVOKE ALL ON FUNCTION notify.send_with_chart FROM public;
CREATE OR REPLACE TRIGGER send_with_chart AFTER UPDATE OF chart ON alert.incidents
FOR EACH ROW WHEN (old.chart IS NULL AND new.chart IS NOT NULL AND NOT models.is_restoring())
EXECUTE FUNCTION notify.send_with_chart();
