# code: policy.shape
# says: compares the fields

allow(_user: User, "read", record: Lead) if record.owner_id = record.team_id;
