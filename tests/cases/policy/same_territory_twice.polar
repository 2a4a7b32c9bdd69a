# code: policy.shape
# line: 5
# says: it compares two fields with the same territory

allow(user: User, "read", record: Lead) if
  record.organisation_id = user.organisation_id and
  held in user.territory_ids and record.territory_id = held and record.team_id = held;
