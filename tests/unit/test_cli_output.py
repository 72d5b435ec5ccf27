"""What commands print is what is there: nothing in it is a code for an emoji, a colour or a link."""

import pytest

from logistics_pipeline.cli.output import print_table, say

TEXT = "odd_value:id: [bold]x[/bold] :warning: [link]"


def test_texts_of_tables_and_messages_are_printed_as_they_are(capfd: pytest.CaptureFixture[str]) -> None:
    say(TEXT)
    print_table(("question", "cells"), [(TEXT, 1)], numeric=("cells",))

    printed, said = capfd.readouterr()
    assert said.replace("\n", "") == TEXT
    assert TEXT in printed


def test_what_files_hold_gives_a_terminal_no_commands(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("id",), [("\x1b]0;a title\x07W-1\x9b31m\r2\t3\u2028",), ("two\n  lines",)])
    say("W-1\x1b[2J is TRUCK-07")
    printed = capsys.readouterr()
    assert r"\x1b]0;a title\x07W-1\x9b31m\r2\t3\u2028" in printed.out
    assert [line.strip() for line in printed.out.splitlines()[-2:]] == ["two", "lines"]
    assert r"W-1\x1b[2J is TRUCK-07" in printed.err
    assert not set(printed.out + printed.err) & set("\x1b\x07\x9b\r\t")
