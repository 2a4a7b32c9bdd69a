# code: policy.shape
# line: 6
# says: it asks for `startswith` of the user's `id`

allow(user: User, "read", record: Lead) if
  record.organisation_id = user.organisation_id and user.id.startswith("m");
