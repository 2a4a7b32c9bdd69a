# code: policy.shape
# line: 6
# says: it takes a list of the user apart
# help: positively

allow(user: User, "read", record: Lead) if outside(record.territory_id, user.territory_ids);
outside(_id, []);
outside(id, [first, *rest]) if id != first and outside(id, rest);
