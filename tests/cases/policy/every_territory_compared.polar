# code: policy.shape
# line: 5
# says: only `!=` compares a field with every territory

allow(user: User, "read", record: Lead) if
  record.organisation_id = user.organisation_id and record.territory_id = user.every_territory;
