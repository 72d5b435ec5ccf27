"""What a definition of a place may say, by the scheme of its URL. Imports no client: it is checked everywhere."""

_CLOUD_OPTIONS = frozenset({"endpoint", "anonymous"})
_WEB_OPTIONS = frozenset({"list", "recursive", "caFile"})
_WEB_CREDENTIALS = frozenset({"username", "password", "token"})

OPTIONS: dict[str, frozenset[str]] = {
    "s3": frozenset({"endpoint", "region", "pathStyle", "profile", "anonymous", "caFile", "requesterPays", "queue"}),
    "az": _CLOUD_OPTIONS | {"accountName"},
    "gs": _CLOUD_OPTIONS,
    "http": _WEB_OPTIONS,
    "https": _WEB_OPTIONS,
    "sftp": frozenset({"hostKey", "knownHosts"}),
}
CREDENTIALS: dict[str, frozenset[str]] = {
    "s3": frozenset({"accessKeyId", "secretAccessKey", "sessionToken"}),
    "az": frozenset({"accountName", "accountKey", "sasToken", "clientId", "clientSecret", "tenantId"}),
    "gs": frozenset({"serviceAccountKey", "serviceAccountFile"}),
    "http": _WEB_CREDENTIALS,
    "https": _WEB_CREDENTIALS,
    "sftp": frozenset({"password", "privateKey", "passphrase"}),
}
SCHEMES = tuple(OPTIONS)
