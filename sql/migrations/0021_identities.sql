-- External ids: which thing the ids of other systems stand for, who said so, and what may be the same.

CREATE SCHEMA IF NOT EXISTS identity;
COMMENT ON SCHEMA identity IS 'Links between ids of other systems and master keys, and proposals of such links';

CREATE TABLE IF NOT EXISTS identity.systems (
    system      text COLLATE "C" PRIMARY KEY CHECK (system ~ '^[a-z][a-z0-9_]{0,39}$'),
    declared_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE identity.systems IS 'Systems that contracts or links name: one row per system';
COMMENT ON COLUMN identity.systems.declared_at IS 'When it was named first';

CREATE TABLE IF NOT EXISTS identity.links (
    link_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entity       text COLLATE "C" NOT NULL,
    system       text COLLATE "C" NOT NULL,
    external_id  text COLLATE "C" NOT NULL CHECK (external_id <> ''),
    master_key   text COLLATE "C" CHECK (master_key <> ''),
    made_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    author       text NOT NULL CHECK (author <> ''),
    source       text NOT NULL CHECK (source IN ('person', 'rule', 'file')),
    reason       text NOT NULL DEFAULT '',
    dataset      text,
    file_id      integer,
    record_no    bigint,
    withdrawn_at timestamptz,
    refreshed_as bigint,
    CHECK ((source = 'file') = (file_id IS NOT NULL AND record_no IS NOT NULL AND dataset IS NOT NULL))
);
CREATE UNIQUE INDEX IF NOT EXISTS links_of_files
ON identity.links (file_id, record_no) WHERE withdrawn_at IS NULL AND file_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS links_by_external_id ON identity.links (entity, system, external_id);
CREATE INDEX IF NOT EXISTS links_by_master_key ON identity.links (entity, master_key);
CREATE INDEX IF NOT EXISTS links_waiting ON identity.links (link_id) WHERE refreshed_as IS NULL;
COMMENT ON TABLE identity.links IS 'All links ever made, none is changed: the newest one of an external id decides';
COMMENT ON COLUMN identity.links.entity IS 'The dataset with the master records: vehicles';
COMMENT ON COLUMN identity.links.system IS 'Whose id it is: fuelco';
COMMENT ON COLUMN identity.links.master_key IS 'Key of the master record; NULL: the external id stands for itself again';
COMMENT ON COLUMN identity.links.made_at IS 'When it was made; of a link in a file, when the file was registered';
COMMENT ON COLUMN identity.links.author IS 'Name of the API key or the user, of the rule, or path of the file';
COMMENT ON COLUMN identity.links.dataset IS 'The dataset whose record it is, if it came in a file';
COMMENT ON COLUMN identity.links.withdrawn_at IS 'When its file was unloaded: it counts no more';
COMMENT ON COLUMN identity.links.refreshed_as IS 'Data version of the refresh that took it in; NULL if it waits for one';

-- What links are is decided by their order in time: nothing of them may change but what a refresh notes.
CREATE OR REPLACE FUNCTION identity.keep_links()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = ''
AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (new.entity, new.system, new.external_id, new.master_key, new.made_at, new.author,
        new.source, new.reason, new.dataset, new.file_id, new.record_no)
        IS DISTINCT FROM (old.entity, old.system, old.external_id, old.master_key, old.made_at, old.author,
        old.source, old.reason, old.dataset, old.file_id, old.record_no) THEN
        RAISE EXCEPTION 'Links are never changed or deleted: make a later link of the same external id instead.'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN new;
END
$$;
DROP TRIGGER IF EXISTS keep_links ON identity.links;
CREATE TRIGGER keep_links BEFORE UPDATE OR DELETE ON identity.links
FOR EACH ROW EXECUTE FUNCTION identity.keep_links();

CREATE OR REPLACE VIEW identity.newest_links AS
SELECT DISTINCT ON (entity, system, external_id)
    entity,
    system,
    external_id,
    master_key,
    link_id,
    made_at,
    author,
    source,
    reason,
    refreshed_as
FROM identity.links
WHERE withdrawn_at IS NULL
ORDER BY entity, system, external_id, made_at DESC, file_id DESC NULLS FIRST, record_no DESC, link_id DESC;
COMMENT ON VIEW identity.newest_links IS 'The link that decides, of each external id that has ever been linked: the next refresh follows it';

CREATE TABLE IF NOT EXISTS identity.current_links (
    entity      text COLLATE "C" NOT NULL,
    system      text COLLATE "C" NOT NULL,
    external_id text COLLATE "C" NOT NULL,
    master_key  text COLLATE "C" NOT NULL,
    link_id     bigint NOT NULL,
    PRIMARY KEY (entity, system, external_id)
);
CREATE INDEX IF NOT EXISTS current_links_by_master_key ON identity.current_links (entity, master_key);
COMMENT ON TABLE identity.current_links IS 'The links that figures follow, as of the last refresh: one row per linked external id';

CREATE TABLE IF NOT EXISTS identity.proposals (
    proposal_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entity      text COLLATE "C" NOT NULL,
    system      text COLLATE "C" NOT NULL,
    external_id text COLLATE "C" NOT NULL,
    master_key  text COLLATE "C" NOT NULL,
    rule        text NOT NULL,
    similarity  double precision NOT NULL,
    evidence    text NOT NULL,
    state       text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'accepted', 'rejected', 'withdrawn')),
    proposed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    decided_at  timestamptz,
    decided_by  text,
    reason      text,
    link_id     bigint REFERENCES identity.links,
    UNIQUE (entity, system, external_id, master_key)
);
CREATE INDEX IF NOT EXISTS proposals_by_state ON identity.proposals (state, proposal_id);
COMMENT ON TABLE identity.proposals IS 'What may be the same thing: one row per external id and master key; one that was rejected stays so';
COMMENT ON COLUMN identity.proposals.rule IS 'The rule of the contract that found it';
COMMENT ON COLUMN identity.proposals.similarity IS 'From 0 to 100';
COMMENT ON COLUMN identity.proposals.evidence IS 'Why, in a sentence';
COMMENT ON COLUMN identity.proposals.state IS 'withdrawn: the records do not suggest it any more, or the id was linked otherwise';
COMMENT ON COLUMN identity.proposals.link_id IS 'The link that accepting it has made';

-- All that the API's role can do about links. They run with the rights of their owner, so they name every object in full.
CREATE OR REPLACE FUNCTION identity.make_link(
    linked_entity text, linked_system text, linked_id text, linked_key text, maker text, why text
)
RETURNS bigint
LANGUAGE sql
SECURITY DEFINER
SET search_path = ''
AS $$
    INSERT INTO identity.systems (system) VALUES (linked_system) ON CONFLICT DO NOTHING;
    INSERT INTO identity.links (entity, system, external_id, master_key, author, source, reason)
    VALUES (linked_entity, linked_system, linked_id, linked_key, maker, 'person', why)
    RETURNING link_id
$$;
COMMENT ON FUNCTION identity.make_link IS 'Links an external id with a master key, or with nothing if that is NULL; returns the ID of the link';
REVOKE ALL ON FUNCTION identity.make_link FROM public;

CREATE OR REPLACE FUNCTION identity.decide_proposal(
    wanted_proposal bigint, is_accepted boolean, decider text, why text, decided_as text DEFAULT 'person'
)
RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
DECLARE
    found identity.proposals;
    made bigint;
BEGIN
    SELECT * INTO found FROM identity.proposals WHERE proposal_id = wanted_proposal AND state = 'open' FOR UPDATE;
    IF found.proposal_id IS NULL THEN
        RETURN NULL;
    END IF;
    IF is_accepted THEN
        INSERT INTO identity.links (entity, system, external_id, master_key, author, source, reason)
        VALUES (found.entity, found.system, found.external_id, found.master_key, decider, decided_as,
            concat_ws(' ', nullif(why, ''), found.evidence))
        RETURNING link_id INTO made;
    END IF;
    UPDATE identity.proposals
    SET state = CASE WHEN is_accepted THEN 'accepted' ELSE 'rejected' END,
        decided_at = clock_timestamp(), decided_by = decider, reason = why, link_id = made
    WHERE proposal_id = wanted_proposal;
    RETURN wanted_proposal;
END
$$;
COMMENT ON FUNCTION identity.decide_proposal IS 'Accepts or rejects an open proposal; returns its ID, NULL if it is not open any more';
REVOKE ALL ON FUNCTION identity.decide_proposal FROM public;
