# code: policy.syntax
# line: 5
# says: did not expect to find the token `if`

allow(user: User, "read", record: Lead) if if record.owner_id = user.id;
