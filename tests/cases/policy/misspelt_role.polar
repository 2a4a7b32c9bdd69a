# code: policy.unknown_name
# line: 7
# says: there is no role or action `sales_mangaer`
# help: did you mean `sales_manager`?

allow(user: User, "read", record: Lead) if
  user.role = "sales_mangaer" and record.team_id = user.team_id;
