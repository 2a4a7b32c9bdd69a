# code: policy.shape
# line: 6
# says: it does something with the record that a database query cannot
# help: positively

allow(user: User, "read", record: Lead) if
  record.organisation_id = user.organisation_id and record.revision + 1 = 3;
