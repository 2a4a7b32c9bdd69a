# code: policy.shape
# line: 5
# says: it orders the user's `id`

allow(user: User, "read", record: Lead) if
  record.organisation_id = user.organisation_id and user.id < "m";
