-- Contracts of the users' datasets with all their versions, proposals of contracts, and what people ask about them.

CREATE SCHEMA IF NOT EXISTS catalogue;
COMMENT ON SCHEMA catalogue IS 'The datasets that users have added: contracts, proposals of contracts, requests about them';

CREATE TABLE IF NOT EXISTS catalogue.contracts (
    dataset       text NOT NULL CHECK (dataset ~ '^[a-z][a-z0-9_]{0,39}$'),
    version       integer NOT NULL CHECK (version >= 1),
    contract      text NOT NULL CHECK (octet_length(contract) <= 1048576),
    document      json NOT NULL,
    sha256        text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    is_compatible boolean NOT NULL,
    changes       text[] NOT NULL DEFAULT '{}',
    accepted_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    accepted_by   text NOT NULL CHECK (accepted_by <> '' AND length(accepted_by) <= 200),
    PRIMARY KEY (dataset, version)
);
COMMENT ON TABLE catalogue.contracts IS 'Every accepted version of the contract of a dataset; never changed';
COMMENT ON COLUMN catalogue.contracts.contract IS 'The contract file as it was accepted';
COMMENT ON COLUMN catalogue.contracts.document IS 'The same as JSON, which is read faster';
COMMENT ON COLUMN catalogue.contracts.sha256 IS 'Of the contract file in UTF-8';
COMMENT ON COLUMN catalogue.contracts.is_compatible IS 'Whether files and rows of the version before fit this one; true for the first';
COMMENT ON COLUMN catalogue.contracts.changes IS 'What differs from the version before, one sentence each';
COMMENT ON COLUMN catalogue.contracts.accepted_by IS 'Login of the person, name of the API key, or what accepted it by itself';

CREATE TABLE IF NOT EXISTS catalogue.datasets (
    dataset    text PRIMARY KEY,
    version    integer NOT NULL,
    retired_at timestamptz,
    FOREIGN KEY (dataset, version) REFERENCES catalogue.contracts (dataset, version)
);
COMMENT ON TABLE catalogue.datasets IS 'Which version of each contract is in force';
COMMENT ON COLUMN catalogue.datasets.retired_at IS 'Since when its files are not loaded any more; NULL while they are';

CREATE TABLE IF NOT EXISTS catalogue.proposals (
    proposal_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    path        text NOT NULL,
    file_id     integer,
    dataset     text NOT NULL CHECK (dataset ~ '^[a-z][a-z0-9_]{0,39}$'),
    kind        text NOT NULL CHECK (kind IN ('new', 'drift')),
    state       text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'accepted', 'dismissed', 'superseded')),
    contract    text NOT NULL CHECK (octet_length(contract) <= 1048576),
    document    jsonb NOT NULL,
    version     integer,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by  text NOT NULL CHECK (created_by <> '' AND length(created_by) <= 200),
    ended_at    timestamptz,
    ended_by    text CHECK (ended_by <> '' AND length(ended_by) <= 200),
    CHECK ((state = 'open') = (ended_at IS NULL)),
    CHECK (version IS NULL OR state = 'accepted')
);
COMMENT ON TABLE catalogue.proposals IS 'Contracts proposed for files that no contract fits, until a person or the policy decides';
COMMENT ON COLUMN catalogue.proposals.path IS 'The file, as in ingest.files';
COMMENT ON COLUMN catalogue.proposals.file_id IS 'Its entry in the ledger; NULL if it has none';
COMMENT ON COLUMN catalogue.proposals.kind IS 'new: a dataset of its own; drift: a change of the contract of a dataset';
COMMENT ON COLUMN catalogue.proposals.contract IS 'The contract file that would be accepted, with the answers given so far';
COMMENT ON COLUMN catalogue.proposals.document IS 'Columns, evidence, the first rows, questions, answers, obstacles';
COMMENT ON COLUMN catalogue.proposals.version IS 'The version of the contract that it became';
COMMENT ON COLUMN catalogue.proposals.ended_at IS 'Since when it is not open any more';

CREATE UNIQUE INDEX IF NOT EXISTS proposals_open ON catalogue.proposals (path) WHERE state = 'open';
CREATE INDEX IF NOT EXISTS proposals_by_dataset ON catalogue.proposals (dataset, created_at);
CREATE INDEX IF NOT EXISTS proposals_by_file ON catalogue.proposals (file_id);

CREATE TABLE IF NOT EXISTS catalogue.requests (
    request_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    action       text NOT NULL CHECK (action ~ '^[a-z_]{1,40}$'),
    proposal_id  uuid REFERENCES catalogue.proposals ON DELETE CASCADE,
    dataset      text CHECK (dataset ~ '^[a-z][a-z0-9_]{0,39}$'),
    argument     jsonb NOT NULL DEFAULT '{}' CHECK (octet_length(argument::text) <= 2097152),
    requested_by text NOT NULL CHECK (requested_by <> '' AND length(requested_by) <= 200),
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    done_at      timestamptz,
    outcome      text,
    error        text,
    result       jsonb,
    CHECK (outcome IS NULL OR error IS NULL),
    CHECK (done_at IS NULL OR coalesce(outcome, error) IS NOT NULL)
);
COMMENT ON TABLE catalogue.requests IS 'What people ask about contracts through the API; the pipeline serves each once';
COMMENT ON COLUMN catalogue.requests.action IS 'A ContractAction of logistics_core.database_contract.contracts; any other is refused';
COMMENT ON COLUMN catalogue.requests.argument IS 'What the action needs beside its proposal or dataset';
COMMENT ON COLUMN catalogue.requests.requested_by IS 'Name of the API key; anonymous without one';
COMMENT ON COLUMN catalogue.requests.done_at IS 'When the pipeline had served or refused it; NULL while it is pending';
COMMENT ON COLUMN catalogue.requests.outcome IS 'What was done, in a sentence';
COMMENT ON COLUMN catalogue.requests.error IS 'Why it was refused or failed, in a sentence';
COMMENT ON COLUMN catalogue.requests.result IS 'What was done, for programs: the proposal, the version';

CREATE INDEX IF NOT EXISTS requests_pending ON catalogue.requests (request_id) WHERE done_at IS NULL;
CREATE INDEX IF NOT EXISTS requests_by_proposal ON catalogue.requests (proposal_id, request_id);

-- The other thing that the API's role can write. It runs with the rights of its owner, so it names every object in full.
-- NULL: there is no such proposal, or a thousand requests are pending already.
CREATE OR REPLACE FUNCTION catalogue.request_contract_action(
    wanted_action text, wanted_proposal uuid, wanted_dataset text, wanted_argument jsonb, requester text
)
RETURNS bigint
LANGUAGE sql
SECURITY DEFINER
SET search_path = ''
AS $$
    INSERT INTO catalogue.requests (action, proposal_id, dataset, argument, requested_by)
    SELECT wanted_action, wanted_proposal, wanted_dataset, wanted_argument, requester
    WHERE (wanted_proposal IS NULL OR EXISTS (SELECT FROM catalogue.proposals WHERE proposal_id = wanted_proposal))
        AND (SELECT count(*) FROM catalogue.requests WHERE done_at IS NULL) < 1000
    RETURNING request_id
$$;
COMMENT ON FUNCTION catalogue.request_contract_action IS 'Requests an action on a proposal or a dataset; returns the number of the request';
REVOKE ALL ON FUNCTION catalogue.request_contract_action FROM public;

-- By trigger, so that a change made by hand is noticed as well.
CREATE OR REPLACE FUNCTION catalogue.tell_of_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed jsonb := to_jsonb(NEW);
BEGIN
    PERFORM pg_catalog.pg_notify('contracts', pg_catalog.jsonb_build_object(
        'table', TG_TABLE_NAME, 'dataset', changed -> 'dataset', 'version', changed -> 'version',
        'proposal_id', changed -> 'proposal_id', 'request_id', changed -> 'request_id'
    )::text);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION catalogue.tell_of_change IS 'Tells the pipeline and the API of a change of datasets, proposals or requests';
CREATE OR REPLACE TRIGGER tell_of_change AFTER INSERT OR UPDATE ON catalogue.datasets
FOR EACH ROW EXECUTE FUNCTION catalogue.tell_of_change();
CREATE OR REPLACE TRIGGER tell_of_change AFTER INSERT OR UPDATE ON catalogue.proposals
FOR EACH ROW EXECUTE FUNCTION catalogue.tell_of_change();
CREATE OR REPLACE TRIGGER tell_of_change AFTER INSERT OR UPDATE ON catalogue.requests
FOR EACH ROW EXECUTE FUNCTION catalogue.tell_of_change();
