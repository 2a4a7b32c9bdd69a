# code: policy.syntax
# line: 6
# says: inline query failed

allow(user: User, "read", record: Lead) if record.owner_id = user.id;
?= 1 = 2;
