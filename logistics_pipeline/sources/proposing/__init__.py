"""Proposes a definition for an API, by looking at its answers: `logistics sources add`.

`asking` asks, and counts; `responses` finds records, total and flags in an answer; `paging` finds how the next page is
asked for, and `filtering` how changes are, both by trying: what is proposed has worked, anything else is a question.
`proposal` puts the parts together, `text` writes the file.
"""
