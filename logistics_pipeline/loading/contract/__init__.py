"""The data contract: a record to a row of COPY text, or to a rejection with its reason.

record_validator  the reference for every rule, one record at a time
column_validator  whole columns at once; passes what is not plainly valid to the reference
dates, copy_text  date formats; escaping for COPY
"""
