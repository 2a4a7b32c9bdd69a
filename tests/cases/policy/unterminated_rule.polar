# code: policy.syntax
# line: 5
# says: hit the end of the file unexpectedly

allow(user: User, "read", record: Lead) if record.owner_id = user.id
