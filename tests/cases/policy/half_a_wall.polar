# code: policy.organisation
# line: 5
# says: reaches beyond the user's organisation

allow(user: User, "read", record: Lead) if
  record.organisation_id = user.organisation_id or
  record.owner_id = user.id;
