# code: policy.unknown_name
# line: 6
# says: there is no record type `Laed`
# help: did you mean `Lead`?

allow(user: User, "read", record: Laed) if record.owner_id = user.id;
