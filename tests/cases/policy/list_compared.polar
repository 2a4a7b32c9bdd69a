# code: policy.shape
# line: 6
# says: it compares the user's `territory_ids` with something else than a field of the record
# help: record.field in user.territory_ids

allow(user: User, "read", record: Lead) if
  record.organisation_id = user.organisation_id and "t1" in user.territory_ids;
