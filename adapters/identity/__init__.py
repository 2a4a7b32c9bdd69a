"""Who somebody is, as an identity provider says it: keys, tokens, sign-in. Nothing here decides what they may do."""
