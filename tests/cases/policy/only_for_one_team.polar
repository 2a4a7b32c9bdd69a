# code: policy.shape
# line: 7
# says: it uses `not` about the record

# For everybody outside the team there is nothing to negate.

allow(user: User, "read", record: Lead) if
  record.organisation_id = user.organisation_id and
  not (user.team_id = "red" and record.owner_id = user.id);
