-- Finds the proposals of contracts that wait for a person.
-- One row per proposal, the oldest first: id, path, dataset, kind, open questions, obstacles.
-- Reads catalogue.proposals, by its index of open ones.

SELECT
    proposal_id::text,
    path,
    dataset,
    kind,
    CASE WHEN document ->> 'edited' = 'true' THEN 0 ELSE (
        SELECT count(*)
        FROM jsonb_array_elements(document -> 'questions') AS question
        WHERE NOT coalesce(document -> 'answers' ? (question ->> 'id'), false)
    ) END AS open_questions,
    coalesce(jsonb_array_length(document -> 'obstacles'), 0) AS obstacles
FROM catalogue.proposals
WHERE state = 'open'
ORDER BY created_at, proposal_id
LIMIT %(most)s;
