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
