"""Signing in with an identity provider: OpenID Connect, authorisation code with PKCE.

`flows` makes what a browser takes to the provider and recognises what it brings back, `provider` asks the provider, by
`provider_requests`, which bound time and size, `id_tokens` verifies what it says, and `claims` reads the person from
it. `logistics_api.session` has the endpoints. Decision 0055 explains the choices.
"""
