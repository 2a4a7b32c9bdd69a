# code: policy.syntax
# line: 5
# says: singleton variable action

allow(user: User, action, record: Lead) if record.owner_id = user.id;
