"""GraphQL at /graphql: a schema made from the catalogue, whose documents become one SQL statement each.

`schema` makes the schema, and notes on every field what it stands for (`meanings`); `compiling` turns an operation into
a statement with parameters; `limits` refuses what is too large before anything is computed; `service` keeps documents
and plans; `endpoints` speaks HTTP. graphql-core parses and validates; its executor serves introspection alone, and the
tests, where it says what every answer must be.
"""
