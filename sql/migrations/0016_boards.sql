-- Boards: questions about metrics that people keep, in a schema of its own; and the scope of keys that may change them.

CREATE SCHEMA IF NOT EXISTS boards;
COMMENT ON SCHEMA boards IS 'What people keep for the dashboard';

CREATE TABLE IF NOT EXISTS boards.boards (
    board_id    uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    version     integer NOT NULL DEFAULT 1 CHECK (version >= 1),
    title       text NOT NULL CHECK (title <> '' AND length(title) <= 200),
    description text NOT NULL CHECK (length(description) <= 4000),
    panels      json NOT NULL CHECK (json_typeof(panels) = 'array' AND octet_length(panels::text) <= 1048576),
    owner       text NOT NULL CHECK (owner <> '' AND length(owner) <= 200),
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_by  text NOT NULL CHECK (changed_by <> '' AND length(changed_by) <= 200)
);
COMMENT ON TABLE boards.boards IS 'Boards of the dashboard: one row per board';
COMMENT ON COLUMN boards.boards.version IS 'One more with each change: who changes a board says which version they saw';
COMMENT ON COLUMN boards.boards.panels IS 'Questions about metrics with the chart of each, as the API checked them';
COMMENT ON COLUMN boards.boards.owner IS 'Name of the API key that made it; anonymous without one';
COMMENT ON COLUMN boards.boards.changed_by IS 'The same of the last change';

-- All that the API's role can do to a board. They run with the rights of their owner, so they name every object in full.
CREATE OR REPLACE FUNCTION boards.add_board(
    new_title text, new_description text, new_panels json, requester text
)
RETURNS uuid
LANGUAGE sql
SECURITY DEFINER
SET search_path = ''
AS $$
    INSERT INTO boards.boards (title, description, panels, owner, changed_by)
    SELECT new_title, new_description, new_panels, requester, requester
    WHERE (SELECT count(*) FROM boards.boards) < 1000
    RETURNING board_id
$$;
COMMENT ON FUNCTION boards.add_board IS 'Makes a board; returns its ID, NULL if there are a thousand already';
REVOKE ALL ON FUNCTION boards.add_board FROM public;

CREATE OR REPLACE FUNCTION boards.change_board(
    wanted_board uuid, known_version integer, new_title text, new_description text, new_panels json, requester text
)
RETURNS integer
LANGUAGE sql
SECURITY DEFINER
SET search_path = ''
AS $$
    UPDATE boards.boards
    SET version = version + 1, title = new_title, description = new_description, panels = new_panels,
        changed_at = clock_timestamp(), changed_by = requester
    WHERE board_id = wanted_board AND version = known_version
    RETURNING version
$$;
COMMENT ON FUNCTION boards.change_board IS 'Changes a board; returns its new version, NULL if it has not the known version any more';
REVOKE ALL ON FUNCTION boards.change_board FROM public;

CREATE OR REPLACE FUNCTION boards.delete_board(wanted_board uuid, known_version integer)
RETURNS integer
LANGUAGE sql
SECURITY DEFINER
SET search_path = ''
AS $$
    DELETE FROM boards.boards
    WHERE board_id = wanted_board AND version = known_version
    RETURNING version
$$;
COMMENT ON FUNCTION boards.delete_board IS 'Deletes a board; returns its version, NULL if it has not the known version any more';
REVOKE ALL ON FUNCTION boards.delete_board FROM public;

ALTER TABLE access.keys DROP CONSTRAINT IF EXISTS keys_scopes_check;
ALTER TABLE access.keys ADD CONSTRAINT keys_scopes_check
CHECK (cardinality(scopes) > 0 AND scopes <@ ARRAY['read', 'export', 'ingest', 'contracts', 'boards']);
COMMENT ON COLUMN access.keys.scopes IS 'read: figures, rows, events; export: /api/exports; ingest: uploads, proposals; contracts: decisions about contracts; boards: changes of boards. None contains another';
