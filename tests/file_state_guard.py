"""A trigger that refuses every change of a file's state that the database contract does not list.

It is part of the template of the tests' databases, so every test that loads, unloads or replays a file also proves that
the ledger keeps to the contract. It holds the product's sessions to it, which it recognises by their application names;
rows that a test inserts itself may begin in any state.
"""

from logistics_core.database_contract.file_states import INITIAL_STATES, TRANSITIONS
from logistics_pipeline.database.connections import Connection

GUARD = """
CREATE SCHEMA file_state_guard;
CREATE TABLE file_state_guard.transitions (before text, after text NOT NULL, UNIQUE NULLS NOT DISTINCT (before, after));
GRANT USAGE ON SCHEMA file_state_guard TO PUBLIC;
GRANT SELECT ON file_state_guard.transitions TO PUBLIC;

CREATE FUNCTION file_state_guard.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before_change text := CASE TG_OP WHEN 'UPDATE' THEN OLD.state END;
BEGIN
    IF NOT EXISTS (
        SELECT FROM file_state_guard.transitions
        WHERE before IS NOT DISTINCT FROM before_change AND after = NEW.state
    ) THEN
        RAISE EXCEPTION 'by the contract, no file may become % after %', NEW.state, coalesce(before_change, 'nothing')
            USING ERRCODE = 'invalid_transaction_state';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER guard_updates AFTER UPDATE OF state ON ingest.files
    FOR EACH ROW WHEN (OLD.state <> NEW.state AND starts_with(current_setting('application_name'), 'logistics'))
    EXECUTE FUNCTION file_state_guard.refuse();
CREATE TRIGGER guard_inserts AFTER INSERT ON ingest.files
    FOR EACH ROW WHEN (starts_with(current_setting('application_name'), 'logistics '))
    EXECUTE FUNCTION file_state_guard.refuse();
"""


def install(connection: Connection) -> None:
    """Installs the trigger in a migrated database."""
    allowed = [(None, state) for state in INITIAL_STATES]
    allowed += [(before, after) for before, states in TRANSITIONS.items() for after in states]
    connection.execute(GUARD)
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO file_state_guard.transitions VALUES (%s, %s)",
            [(before and str(before), str(after)) for before, after in allowed],
        )
