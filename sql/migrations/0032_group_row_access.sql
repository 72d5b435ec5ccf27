-- Groups of people may see some rows only: access.group_row_access, and a notification whenever that changes.
-- One row per group that is restricted. Written by `logistics people restrict`.

CREATE TABLE IF NOT EXISTS access.group_row_access (
    group_name text PRIMARY KEY CHECK (group_name <> '' AND length(group_name) <= 1000),
    row_access jsonb NOT NULL CHECK (jsonb_typeof(row_access) = 'object')
);
COMMENT ON TABLE access.group_row_access IS 'Groups whose people may see some rows only; people in several of them see the rows of each';
COMMENT ON COLUMN access.group_row_access.group_name IS 'As the identity provider or the proxy names it';
COMMENT ON COLUMN access.group_row_access.row_access IS 'The rows: dataset → alternatives, each of field → values that it may have';

CREATE OR REPLACE TRIGGER tell_of_sessions AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON access.group_row_access
FOR EACH STATEMENT EXECUTE FUNCTION access.tell_of_sessions();

-- Their part of the audit log.
CREATE OR REPLACE TRIGGER log_change AFTER INSERT OR UPDATE OR DELETE ON access.group_row_access
FOR EACH ROW EXECUTE FUNCTION access.log_change('group', 'group_name');
-- People who sign in, and their sessions: not every use of them.
CREATE OR REPLACE TRIGGER log_new AFTER INSERT OR DELETE ON access.people
FOR EACH ROW EXECUTE FUNCTION access.log_change('person', 'person_id', 'subject signed_in_at');
CREATE OR REPLACE TRIGGER log_change AFTER UPDATE ON access.people
FOR EACH ROW
WHEN (
    (old.name, old.email, old.groups, old.disabled_at)
    IS DISTINCT FROM (new.name, new.email, new.groups, new.disabled_at)
)
EXECUTE FUNCTION access.log_change('person', 'person_id', 'subject signed_in_at', 'name');
CREATE OR REPLACE TRIGGER log_new AFTER INSERT ON access.sessions
FOR EACH ROW EXECUTE FUNCTION access.log_change('session', 'session_id', 'digest state_digest', '', 'signed_in');
CREATE OR REPLACE TRIGGER log_change AFTER UPDATE OF ended_at ON access.sessions
FOR EACH ROW WHEN (old.ended_at IS NULL AND new.ended_at IS NOT NULL)
EXECUTE FUNCTION access.log_change('session', 'session_id', 'digest state_digest', 'person_id', 'ended');
-- What came after migration 0026 otherwise.
CREATE OR REPLACE TRIGGER log_change AFTER INSERT OR UPDATE OR DELETE ON alert.windows
FOR EACH ROW EXECUTE FUNCTION access.log_change('maintenance_window', 'window_id');
CREATE OR REPLACE TRIGGER log_change AFTER INSERT OR UPDATE OR DELETE ON notify.reports
FOR EACH ROW EXECUTE FUNCTION access.log_change('report', 'name', 'report_id declared_at');
