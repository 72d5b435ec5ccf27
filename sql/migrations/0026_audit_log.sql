-- The audit log: who changed what, written by triggers on the tables that people change, so that nothing can be changed
-- without an entry. Entries are added and never changed; the oldest ones may be deleted, which is an entry as well.

CREATE TABLE IF NOT EXISTS access.audit (
    entry_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    changed_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor_kind  text NOT NULL
    CHECK (actor_kind IN ('key', 'person', 'anonymous', 'command_line', 'process', 'login')),
    actor       text NOT NULL,
    person_id   bigint,
    request_id  text,
    login       text NOT NULL DEFAULT session_user,
    object_kind text NOT NULL,
    object      text NOT NULL,
    action      text NOT NULL,
    before      jsonb,
    after       jsonb
);
CREATE INDEX IF NOT EXISTS audit_by_object ON access.audit (object_kind, object, entry_id);
CREATE INDEX IF NOT EXISTS audit_by_actor ON access.audit (actor, entry_id);
CREATE INDEX IF NOT EXISTS audit_by_time ON access.audit (changed_at);
COMMENT ON TABLE access.audit IS 'Who changed what: one row per change, none is ever changed';
COMMENT ON COLUMN access.audit.actor_kind IS 'key: a request with an API key; person: one who has signed in; anonymous: a request without a key; command_line: a command; process: the pipeline by itself; login: a session that does not say';
COMMENT ON COLUMN access.audit.actor IS 'Name of the key, the person, the user of the machine, the process or the login';
COMMENT ON COLUMN access.audit.person_id IS 'Of a person who has signed in';
COMMENT ON COLUMN access.audit.request_id IS 'Of the request to the API, as in its log';
COMMENT ON COLUMN access.audit.login IS 'Login of the session in PostgreSQL, whatever it says about its actor';
COMMENT ON COLUMN access.audit.object IS 'What was changed: name or number, with / between parts';
COMMENT ON COLUMN access.audit.before IS 'Values that were there: those that differ, or all of what was deleted';
COMMENT ON COLUMN access.audit.after IS 'Values that are there now: those that differ, or all of what was added; long ones by size and SHA-256';

CREATE OR REPLACE FUNCTION access.shortened(document jsonb)
RETURNS jsonb
LANGUAGE sql
IMMUTABLE
SET search_path = ''
AS $$
    SELECT pg_catalog.jsonb_object_agg(key, CASE
        WHEN octet_length(value::text) <= 16384 THEN value
        ELSE pg_catalog.jsonb_build_object(
            'bytes', octet_length(value::text),
            'sha256', pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(value::text, 'UTF8')), 'hex')
        )
    END)
    FROM pg_catalog.jsonb_each(document)
$$;
COMMENT ON FUNCTION access.shortened IS 'The document with size and SHA-256 in the place of values of more than 16 KiB';
REVOKE ALL ON FUNCTION access.shortened FROM public;

-- Whoever restores an export of everything has its entries already. A login that is not the owner cannot say that it does.
CREATE OR REPLACE FUNCTION access.add_entry(kind text, name text, what text, was jsonb, becomes jsonb)
RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
DECLARE
    acting jsonb := coalesce(nullif(current_setting('logistics.actor', true), ''), '{}');
BEGIN
    IF models.is_restoring() AND pg_has_role(session_user, current_user, 'MEMBER') THEN
        RETURN;
    END IF;
    INSERT INTO access.audit (actor_kind, actor, person_id, request_id, object_kind, object, action, before, after)
    VALUES (
        coalesce(acting ->> 'kind', 'login'), coalesce(acting ->> 'name', session_user),
        (acting ->> 'person_id')::bigint, acting ->> 'request_id', kind, coalesce(name, ''), what,
        access.shortened(was), access.shortened(becomes)
    );
END
$$;
COMMENT ON FUNCTION access.add_entry IS 'Adds an entry in the name of the actor of the session or transaction (logistics.actor)';
REVOKE ALL ON FUNCTION access.add_entry FROM public;

-- Arguments: kind of the object; columns that name it; columns that are left out; columns that are shown even if they did
-- not change; the action, or the column that holds it. Several columns are separated by spaces.
CREATE OR REPLACE FUNCTION access.log_change()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
DECLARE
    was jsonb;
    becomes jsonb;
    named text;
    equal text[];
BEGIN
    IF TG_OP <> 'INSERT' THEN
        was := to_jsonb(OLD);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        becomes := to_jsonb(NEW);
    END IF;
    SELECT string_agg(coalesce(becomes, was) ->> parts.name, '/' ORDER BY parts.position) INTO named
    FROM unnest(string_to_array(TG_ARGV[1], ' ')) WITH ORDINALITY AS parts (name, position);
    was := was - string_to_array(coalesce(TG_ARGV[2], ''), ' ');
    becomes := becomes - string_to_array(coalesce(TG_ARGV[2], ''), ' ');
    IF TG_OP = 'UPDATE' THEN
        IF was = becomes THEN
            RETURN NULL;
        END IF;
        SELECT array_agg(key) INTO equal
        FROM jsonb_each(was)
        WHERE becomes -> key = value AND key <> ALL(string_to_array(coalesce(TG_ARGV[3], ''), ' '));
        was := was - coalesce(equal, '{}');
        becomes := becomes - coalesce(equal, '{}');
    END IF;
    PERFORM access.add_entry(TG_ARGV[0], named, coalesce(
        to_jsonb(NEW) ->> TG_ARGV[4], TG_ARGV[4],
        CASE TG_OP WHEN 'INSERT' THEN 'added' WHEN 'UPDATE' THEN 'changed' ELSE 'deleted' END
    ), was, becomes);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION access.log_change IS 'Adds an entry for a row that was added, changed or deleted';
REVOKE ALL ON FUNCTION access.log_change FROM public;

-- Nothing is changed later. The oldest entries may be deleted, none may be missing between others.
CREATE OR REPLACE FUNCTION access.keep_entries() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    RAISE EXCEPTION 'Entries of the audit log are never changed. To delete the oldest ones: logistics audit delete.'
        USING ERRCODE = 'restrict_violation';
END
$$;
COMMENT ON FUNCTION access.keep_entries IS 'Refuses UPDATE and TRUNCATE';
CREATE OR REPLACE TRIGGER keep_entries BEFORE UPDATE OR TRUNCATE ON access.audit
FOR EACH STATEMENT EXECUTE FUNCTION access.keep_entries();

CREATE OR REPLACE FUNCTION access.log_deleted_entries()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
DECLARE
    deleted record;
BEGIN
    SELECT count(*) AS entries, min(entry_id) AS first, max(entry_id) AS last, max(changed_at) AS until INTO deleted
    FROM gone;
    IF deleted.entries = 0 THEN
        RETURN NULL;
    END IF;
    IF EXISTS (SELECT FROM access.audit WHERE changed_at < deleted.until) THEN
        RAISE EXCEPTION 'Entries of the audit log are deleted from the oldest one on; older ones than these would stay.'
            USING ERRCODE = 'restrict_violation';
    END IF;
    PERFORM access.add_entry(
        'audit_log', deleted.first || '-' || deleted.last, 'deleted', to_jsonb(deleted), NULL
    );
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION access.log_deleted_entries IS 'Adds an entry about entries that were deleted, whoever does it';
REVOKE ALL ON FUNCTION access.log_deleted_entries FROM public;
CREATE OR REPLACE TRIGGER log_deleted_entries AFTER DELETE ON access.audit
REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION access.log_deleted_entries();
REVOKE UPDATE, TRUNCATE ON access.audit FROM current_user;

-- Keys, boards.
CREATE OR REPLACE TRIGGER log_change AFTER INSERT OR UPDATE OR DELETE ON access.keys
FOR EACH ROW EXECUTE FUNCTION access.log_change('key', 'name', 'digest', 'key_id');
CREATE OR REPLACE TRIGGER log_change AFTER INSERT OR UPDATE OR DELETE ON boards.boards
FOR EACH ROW EXECUTE FUNCTION access.log_change('board', 'board_id', '', 'title');

-- Alerts: rules, silences, and what people do about incidents.
CREATE OR REPLACE TRIGGER log_change AFTER INSERT OR UPDATE OR DELETE ON alert.rules
FOR EACH ROW EXECUTE FUNCTION access.log_change('alert_rule', 'name', 'changed_at');
CREATE OR REPLACE TRIGGER log_change AFTER INSERT OR UPDATE OR DELETE ON alert.silences
FOR EACH ROW EXECUTE FUNCTION access.log_change('silence', 'silence_id');
CREATE OR REPLACE TRIGGER log_change AFTER INSERT ON alert.events
FOR EACH ROW WHEN (new.kind IN ('acknowledged', 'assigned', 'commented'))
EXECUTE FUNCTION access.log_change('incident', 'incident_id', '', '', 'kind');

-- Contracts: what people ask for, and what comes of it.
CREATE OR REPLACE FUNCTION catalogue.log_request()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
BEGIN
    PERFORM access.add_entry(
        'contract_request',
        coalesce(
            NEW.dataset, (SELECT dataset FROM catalogue.proposals WHERE proposal_id = NEW.proposal_id),
            NEW.argument ->> 'path'
        ),
        NEW.action,
        NULL,
        to_jsonb(NEW) - ARRAY['action', 'done_at', 'outcome', 'error', 'result']
    );
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION catalogue.log_request IS 'Adds an entry for a request about a contract, named by its dataset or file';
REVOKE ALL ON FUNCTION catalogue.log_request FROM public;
CREATE OR REPLACE TRIGGER log_change AFTER INSERT ON catalogue.requests
FOR EACH ROW EXECUTE FUNCTION catalogue.log_request();
CREATE OR REPLACE TRIGGER log_change AFTER INSERT OR UPDATE OR DELETE ON catalogue.contracts
FOR EACH ROW EXECUTE FUNCTION access.log_change('contract', 'dataset version', 'contract document');
CREATE OR REPLACE TRIGGER log_change AFTER UPDATE OF retired_at OR DELETE ON catalogue.datasets
FOR EACH ROW EXECUTE FUNCTION access.log_change('dataset', 'dataset', '', 'version');
CREATE OR REPLACE TRIGGER log_edit AFTER UPDATE OF contract ON catalogue.proposals
FOR EACH ROW EXECUTE FUNCTION access.log_change('proposal', 'proposal_id', 'document', 'dataset path', 'edited');
CREATE OR REPLACE TRIGGER log_change AFTER UPDATE OF state ON catalogue.proposals
FOR EACH ROW WHEN (new.state = 'dismissed')
EXECUTE FUNCTION access.log_change('proposal', 'proposal_id', 'document', 'dataset path', 'state');

-- Files: what people ask for, and what was done by a command or for them. Loads are in the ledger.
CREATE OR REPLACE FUNCTION ingest.log_request()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
BEGIN
    PERFORM access.add_entry(
        'file_request', (SELECT path FROM ingest.files WHERE file_id = NEW.file_id), NEW.action, NULL,
        to_jsonb(NEW) - ARRAY['action', 'done_at', 'outcome', 'error']
    );
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ingest.log_request IS 'Adds an entry for a request about a file, named by its path';
REVOKE ALL ON FUNCTION ingest.log_request FROM public;
CREATE OR REPLACE TRIGGER log_change AFTER INSERT ON ingest.file_requests
FOR EACH ROW EXECUTE FUNCTION ingest.log_request();

CREATE OR REPLACE FUNCTION ingest.log_file()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
BEGIN
    PERFORM access.add_entry(
        'file',
        NEW.path,
        CASE
            WHEN NEW.state <> OLD.state THEN 'unloaded'
            WHEN NEW.dismissed_at IS DISTINCT FROM OLD.dismissed_at THEN 'dismissed'
            ELSE 'retry_requested'
        END,
        jsonb_build_object('file_id', OLD.file_id, 'state', OLD.state, 'records_loaded', OLD.records_loaded),
        jsonb_build_object('file_id', NEW.file_id, 'state', NEW.state, 'records_loaded', NEW.records_loaded)
    );
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ingest.log_file IS 'Adds an entry for a file that was unloaded or dismissed, or whose load was requested';
REVOKE ALL ON FUNCTION ingest.log_file FROM public;
CREATE OR REPLACE TRIGGER log_change AFTER UPDATE OF state, dismissed_at, retry_requested_at ON ingest.files
FOR EACH ROW WHEN (
    (new.state = 'unloaded' AND old.state <> 'unloaded')
    OR (new.dismissed_at IS NOT NULL AND old.dismissed_at IS NULL AND NOT new.is_missing)
    OR (new.retry_requested_at IS NOT NULL AND new.retry_requested_at IS DISTINCT FROM old.retry_requested_at)
) EXECUTE FUNCTION ingest.log_file();
-- The files that the API receives are no rows yet. It calls this before a file appears in the raw folder.
CREATE OR REPLACE FUNCTION ingest.log_upload(uploaded_path text, what text, details jsonb)
RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
BEGIN
    IF what NOT IN ('uploaded', 'upload_address_given') THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation', MESSAGE = 'The log knows no upload that is ' || what || '.';
    END IF;
    PERFORM access.add_entry('file', uploaded_path, what, NULL, details);
END
$$;
COMMENT ON FUNCTION ingest.log_upload IS 'Adds an entry for a file that is uploaded, or for which an address in a bucket is given out';
REVOKE ALL ON FUNCTION ingest.log_upload FROM public;
CREATE OR REPLACE TRIGGER log_change AFTER INSERT OR UPDATE OR DELETE ON ingest.histories
FOR EACH ROW EXECUTE FUNCTION access.log_change('history', 'dataset');

-- Sources: definitions, and pulls that people ask for.
CREATE OR REPLACE TRIGGER log_new AFTER INSERT OR DELETE ON source.sources
FOR EACH ROW EXECUTE FUNCTION access.log_change('source', 'name', 'read_at');
CREATE OR REPLACE TRIGGER log_change AFTER UPDATE ON source.sources
FOR EACH ROW
WHEN ((old.sha256, old.problem, old.removed_at) IS DISTINCT FROM (new.sha256, new.problem, new.removed_at))
EXECUTE FUNCTION access.log_change('source', 'name', 'read_at');
CREATE OR REPLACE TRIGGER log_change AFTER INSERT ON source.requests
FOR EACH ROW EXECUTE FUNCTION access.log_change('pull_request', 'source resource', 'done_at outcome error');

-- External ids: links that people make or accept, and proposals that they reject. Links of files and rules are their own
-- history.
CREATE OR REPLACE TRIGGER log_change AFTER INSERT ON identity.links
FOR EACH ROW WHEN (new.source = 'person')
EXECUTE FUNCTION access.log_change('link', 'entity system external_id', 'refreshed_as');
CREATE OR REPLACE TRIGGER log_change AFTER UPDATE OF state ON identity.proposals
FOR EACH ROW WHEN (new.state = 'rejected' AND old.state <> 'rejected')
EXECUTE FUNCTION access.log_change('link_proposal', 'entity system external_id', '', 'master_key', 'state');

-- Models: states of versions, what holds a model, and jobs.
CREATE OR REPLACE TRIGGER log_change AFTER INSERT ON models.transitions
FOR EACH ROW EXECUTE FUNCTION access.log_change('model_version', 'model version', '', '', 'to_state');
CREATE OR REPLACE TRIGGER log_change AFTER UPDATE OF is_held ON models.models
FOR EACH ROW WHEN (old.is_held <> new.is_held) EXECUTE FUNCTION access.log_change('model', 'model', 'declaration');
CREATE OR REPLACE TRIGGER log_new AFTER INSERT ON models.jobs
FOR EACH ROW EXECUTE FUNCTION access.log_change('model_job', 'job_id', 'input', '', 'requested');
CREATE OR REPLACE TRIGGER log_change AFTER UPDATE OF state ON models.jobs
FOR EACH ROW WHEN (new.state = 'cancelled' AND old.state <> 'cancelled')
EXECUTE FUNCTION access.log_change('model_job', 'job_id', 'input', 'model', 'state');

-- Notifications: endpoints, addresses that get no mail, and dead letters that are sent again.
CREATE OR REPLACE TRIGGER log_new AFTER INSERT OR DELETE ON notify.endpoints
FOR EACH ROW EXECUTE FUNCTION access.log_change('endpoint', 'name', 'failures failing_since paused_until declared_at');
CREATE OR REPLACE TRIGGER log_change AFTER UPDATE ON notify.endpoints
FOR EACH ROW
WHEN ((old.sha256, old.removed_at, old.disabled_at) IS DISTINCT FROM (new.sha256, new.removed_at, new.disabled_at))
EXECUTE FUNCTION access.log_change('endpoint', 'name', 'failures failing_since paused_until declared_at');
CREATE OR REPLACE TRIGGER log_change AFTER INSERT OR UPDATE OR DELETE ON notify.suppressions
FOR EACH ROW EXECUTE FUNCTION access.log_change('suppression', 'recipient');
CREATE OR REPLACE TRIGGER log_change AFTER UPDATE OF state ON notify.messages
FOR EACH ROW WHEN (old.state IN ('dead', 'bounced') AND new.state IN ('waiting', 'held'))
EXECUTE FUNCTION access.log_change('message', 'message_id', 'due_at lease locked_until', 'recipient', 'resent');

ALTER TABLE access.keys DROP CONSTRAINT IF EXISTS keys_scopes_check;
ALTER TABLE access.keys ADD CONSTRAINT keys_scopes_check
CHECK (
    cardinality(scopes) > 0 AND scopes <@ ARRAY['read', 'export', 'ingest', 'contracts', 'boards', 'alerts', 'audit']
);
COMMENT ON COLUMN access.keys.scopes IS 'read: figures, rows, events; export: /api/exports; ingest: uploads, proposals; contracts: decisions about contracts; boards: changes of boards; alerts: acknowledging incidents, silences; audit: the audit log. None contains another';
