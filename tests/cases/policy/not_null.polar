# code: policy.shape
# says: is not null

allow(_user: User, "read", record: Lead) if record.owner_id != nil;
