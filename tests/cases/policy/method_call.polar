# code: policy.shape
# line: 5
# says: it calls something on the record

allow(user: User, "read", record: Lead) if record.name.startswith(user.id);
