# code: policy.shape
# line: 6
# says: compares fields of the record with each other
# help: compare each field with a value or with the user

allow(user: User, "read", record: Lead) if
  record.organisation_id = user.organisation_id and record.owner_id in ["x", record.team_id];
