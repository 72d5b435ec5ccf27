"""When rules are evaluated: at once after a pause, and seldom while one thing is committed after another."""

from logistics_core.alert_rules.built_in import BUILT_IN
from logistics_core.alert_rules.reading import rule_of_document
from logistics_core.database_contract.channels import Channel
from logistics_pipeline.worker.schedule import REST_SECONDS, Schedule

RULES = {name: rule_of_document(document, name) for name, document in BUILT_IN.items()}
FAILED = "file_failed"


def evaluated_at(seconds: float) -> Schedule:
    """A schedule of which every rule was evaluated at this moment."""
    schedule = Schedule()
    schedule.follow(RULES, seconds)
    for rule in RULES.values():
        schedule.evaluated(rule, seconds, waits=False)
    return schedule


def test_a_rule_that_has_rested_is_due_at_once() -> None:
    schedule = evaluated_at(100)
    schedule.notice(RULES, {Channel.FILES}, 105)
    assert FAILED in schedule.due_rules(105)


def test_what_is_committed_while_a_rule_rests_is_evaluated_when_it_has_rested() -> None:
    schedule = evaluated_at(100)
    for milliseconds in range(0, 500, 20):
        schedule.notice(RULES, {Channel.FILES}, 100 + milliseconds / 1000)
        assert schedule.due_rules(100 + milliseconds / 1000) == []
    assert 0 < schedule.seconds_until_next(100.4, 60) <= REST_SECONDS
    assert FAILED in schedule.due_rules(100 + REST_SECONDS)


def test_a_rule_that_changes_does_not_rest() -> None:
    schedule = evaluated_at(100)
    schedule.follow(RULES, 100.1, changed=[FAILED])
    assert schedule.due_rules(100.1) == [FAILED]
    schedule.notice(RULES, {Channel.FILES}, 100.1)
    assert schedule.due_rules(100.1) == [FAILED]
