-- Lists the changes of the versions of a model.
-- One row per change, the newest first.
-- Reads models.transitions.
SELECT
    transitions.transition_id,
    transitions.version,
    transitions.from_state,
    transitions.to_state,
    transitions.author,
    transitions.reason,
    transitions.backtest_id,
    transitions.changed_at
FROM models.transitions AS transitions
WHERE transitions.model = %(model)s
ORDER BY transitions.transition_id DESC
