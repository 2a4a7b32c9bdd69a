# code: policy.shape
# line: 6
# says: it compares the user's `territory_ids`
# help: record.field != user.every_territory

allow(user: User, "read", record: Lead) if
  record.organisation_id = user.organisation_id and
  forall(held in user.territory_ids, held != record.territory_id);
