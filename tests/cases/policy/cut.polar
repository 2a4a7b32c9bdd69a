# code: policy.shape
# line: 7
# says: `cut` cannot become a database query

allow(user: User, "read", record: Lead) if
  record.organisation_id = user.organisation_id and
  record.owner_id = user.id and cut;
