# code: policy.syntax
# line: 5
# says: call to undefined rule: governd

allow(user: User, "read", record: Lead) if governd(user, record);
