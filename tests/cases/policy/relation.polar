# code: policy.shape
# line: 5
# says: it follows a relation to another record

allow(user: User, "read", record: Lead) if
  record.organisation_id = user.organisation_id and record.owner_id.team_id = user.team_id;
