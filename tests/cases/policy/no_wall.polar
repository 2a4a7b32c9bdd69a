# code: policy.organisation
# line: 6
# says: a rule for `read` on `lead` reaches beyond the user's organisation
# help: record.organisation_id = user.organisation_id

allow(user: User, "read", record: Lead) if record.owner_id = user.id;
