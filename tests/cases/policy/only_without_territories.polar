# code: policy.shape
# line: 7
# says: it uses `not` about the record

# Oso can answer this for a user without territories, and for nobody else.

allow(user: User, "read", record: Lead) if
  record.organisation_id = user.organisation_id and
  not record.territory_id in user.territory_ids;
