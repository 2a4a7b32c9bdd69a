# code: policy.shape
# says: it uses `not` about the record
# help: without `not` about the record

allow(user: User, "read", record: Lead) if not (record.owner_id = user.id or record.team_id = user.team_id);
