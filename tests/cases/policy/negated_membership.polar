# code: policy.shape
# says: it uses `not` about the record

allow(user: User, "read", record: Lead) if not record.territory_id in user.territory_ids;
