"""Files of rules that cannot be used: each is told with its place, and keeps no other from its work."""

import os
import re
from pathlib import Path

import pytest

from logistics_core.alert_rules.rules import Kind
from logistics_core.sql_files import read_sql
from logistics_pipeline.alerting.rule_files import read_rules
from logistics_pipeline.alerting.rules_in_force import sync_rules
from logistics_pipeline.database.connections import Connection
from tests.checkout import PROJECT_ROOT

RULE = "title: Few rows\nwatch: {kind: figures_behind}\n"

FAULTS = [
    ('title: "a\\0b"\nwatch: {kind: figures_behind}\n', "line 1, column 1: title holds the character NUL"),
    ('title: "a\\r\\nBcc: b"\nwatch: {kind: figures_behind}\n', "title must be one line of at most 200 characters"),
    ('title: " "\nwatch: {kind: figures_behind}\n', "title is empty. Expected: what has happened"),
    (f"title: {'x' * 201}\nwatch: {{kind: figures_behind}}\n", "title must be one line of at most 200 characters"),
    (RULE + f"description: {'x' * 4001}\n", "description has 4,001 characters. Expected: at most 4,000"),
    (RULE + 'description: "a\\0b"\n', "description holds the character NUL"),
    (RULE + "groupBy: [dataset, dataset]\n", "groupBy[1] names 'dataset' once more"),
    (
        RULE + f"inhibitedBy: [{', '.join(f'r{n}' for n in range(21))}]\n",
        "inhibitedBy lists 21 names. Expected: at most 20",
    ),
    (RULE + "active: {timeZone: right/UTC}\n", "which is no time zone"),
    (RULE + "when: {above: .nan}\n", "line 3, column 8: when.above is nan. Expected: a number"),
    (RULE + "when: {above: 1, clearBelow: .inf}\n", "when.clearBelow is inf"),
    (RULE + f"when: {{above: 1{'0' * 400}}}\n", "line 3, column 8: when.above is the number 1000"),
    (RULE + "active: {from: 08:30+02:00}\n", "its zone is `active.timeZone`"),
    (RULE + "active: {from: '25:00'}\n", "a time of day such as 08:30"),
    (RULE + "active: {timeZone: ../../etc/passwd}\n", "which is no time zone"),
    (RULE + "active: {days: [monday]}\n", "mon, tue, wed"),
    (RULE + "for: 99999999999999999d\n", "longer than a time can be"),
    (RULE + "owner: 2024-01-01\n", "Put it in quotes"),
    (RULE + "1: 2\n", "1 is an unknown key"),
    (RULE.replace("kind", "knd"), "knd is an unknown key"),
    (RULE.replace("figures_behind", "metric"), "needs `dataset` and `metric`"),
    (RULE.replace("figures_behind}", "figures_behind, windowDays: 99999999999999999999}"), "1 to 3,660 days"),
    ("", "a rule consists of keys with values"),
    ("- a\n", "a rule consists of keys with values"),
    ("title: [", "is not YAML"),
    ("#" * (1 << 20) + "\n", "at most 1,048,576 bytes"),
]


@pytest.mark.parametrize(("text", "message"), FAULTS)
def test_what_is_wrong_is_told_with_its_place(text: str, message: str, connection: Connection, tmp_path: Path) -> None:
    (tmp_path / "few_rows.yaml").write_text(text)
    (tmp_path / "other.yaml").write_text(RULE)
    said = sync_rules(connection, tmp_path)
    (problem,) = [sentence for sentence in said if "few_rows.yaml" in sentence]
    assert message in problem and "The rule other is in force." in said
    assert sync_rules(connection, tmp_path) == [], "it is told once"


def test_what_is_no_file_of_a_rule_is_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")  # reading it would never end
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "latin.yaml").write_bytes(RULE.replace("Few", "Wénig").encode("latin-1"))
    (tmp_path / "Few-rows.yaml").write_text(RULE)
    (tmp_path / "short.yml").write_text(RULE)
    (tmp_path / ".hidden.yaml").write_text("[")
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    problems = {name: text.problem for name, text in read_rules(tmp_path).items() if text.origin == "file"}
    expected = {
        "pipe": "is not a file",
        "folder": "is not a file",
        "latin": "byte 8 is not UTF-8",
        "Few-rows": "is no name",
        "short": "ends in .yaml",
        "loop": "loop.yaml",
    }
    assert problems.keys() == expected.keys()
    assert all(words in (problems[name] or "") for name, words in expected.items())


def test_the_page_has_words_for_whatever_a_rule_can_watch() -> None:
    rules = (PROJECT_ROOT / "logistics_api/dashboard/static/rules.js").read_text()
    assert set(re.findall(r"^  (\w+): \{ words:", rules, re.MULTILINE)) == set(Kind)


def test_the_page_offers_the_labels_that_subjects_have() -> None:
    rules = (PROJECT_ROOT / "logistics_api/dashboard/static/rules.js").read_text()
    offered = {
        kind: re.findall(r"\w+", labels) for kind, labels in re.findall(r"^  (\w+): .*labels: \[(.*)\]", rules, re.M)
    }
    statements = {
        "sources_failing",
        "changed_fields",
        "failed_files",
        "rejected_share",
        "model_drift",
        "forecast_set_back",
    }
    for kind in statements:
        built = re.search(r"jsonb_build_object\((.*?)\n? *\) AS labels", read_sql(f"alerting/{kind}"), re.S)
        assert built is not None, kind
        assert re.findall(r"'(\w+)', ", built[1]) == offered[kind], kind
