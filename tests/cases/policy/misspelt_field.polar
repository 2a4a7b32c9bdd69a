# code: policy.unknown_name
# says: `lead` has no field `ownr_id`
# help: did you mean `owner_id`?

allow(user: User, "read", record: Lead) if record.ownr_id = user.id;
