"""What a file of unknown shape holds: bytes in, a proposed contract out. Nothing is stored or guessed.

propose         the entry: a file in, a proposal out
contract_text   a proposal as a YAML file with the evidence in comments
proposal        what is proposed, and the contract that follows from it
questions       what only a person can answer
roles, units    what columns are for: key, time, dimensions, measures and their units
tables          a CSV sample as columns; json_tables does JSON
header          which row names the columns
dialect         delimiter, quotes and line end
sampling        a small file wholly, of a large one the beginning, the end and blocks in between
column_reading  the type of a column, by the set of its values; number_reading and date_reading know the notations
missing_words   texts that mean "nothing"
codes           texts of digits that are no numbers
column_types    types and evidence, plain data
names           names for the database from titles
"""
