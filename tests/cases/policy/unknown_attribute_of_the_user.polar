# code: policy.unknown_name
# line: 6
# says: a user has no `ownership`
# help: it has id, role

allow(user: User, "read", record: Lead) if record.owner_id = user.ownership;
