# code: policy.no_row
# says: no rule says who may do what to `deal`
# help: record: Deal

# A row for `Deal` in a comment is none: allow(user: User, "read", record: Deal);
allow(user: User, "read", record: Lead) if record.owner_id = user.id;
allow(user: User, "read", record) if user.role = "service" and record.organisation_id = user.organisation_id;
