-- Makes the login `replicator`, with which a replica follows the primary; sets its password.
\getenv password REPLICATION_PASSWORD

SELECT 'CREATE ROLE replicator LOGIN REPLICATION'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'replicator')
\gexec

ALTER ROLE replicator PASSWORD :'password';
