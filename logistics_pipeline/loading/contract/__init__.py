"""The data contract: a record to a row of COPY text, or to a rejection with its reason.

column_validator  whole columns at once; passes what is not plainly valid to the reference
text_columns, number_columns, date_columns   the columns of each type of field
record_validator  the reference for every rule, one record at a time
dates, copy_text  date formats; escaping for COPY
"""
