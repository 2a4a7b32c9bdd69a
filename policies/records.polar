# One row for each type of record that belongs to a place in the business: the matrix decides.

allow(user: User, action: String, record: Lead) if governed(user, action, record);
allow(user: User, action: String, record: Deal) if governed(user, action, record);
allow(user: User, action: String, record: Account) if governed(user, action, record);
allow(user: User, action: String, record: CheckIn) if governed(user, action, record);
allow(user: User, action: String, record: Conflict) if governed(user, action, record);
allow(user: User, action: String, record: Decision) if governed(user, action, record);

# A statement is read like any record of its payee, but calculated by others: nobody writes their own pay.
allow(user: User, "read", record: Statement) if governed(user, "read", record);
allow(user: User, "write", record: Statement) if
  governed(user, "write", record) and
  record.owner_id != user.id;

# The log is read like the records that it is about, and written by the store alone.
allow(user: User, "read", record: AuditEntry) if governed(user, "read", record);

# A job is read like any record, and by whoever started it in its region. Who may start one may also cancel it: analysts and
# admins in their branch, managers for their team. What a job then does to records is decided for each record.
allow(user: User, "read", record: Job) if governed(user, "read", record);
allow(user: User, "read", record: Job) if started_by(user, record);
allow(user: User, action: String, record: Job) if
  action in ["start", "write"] and
  may_run_jobs(user, record);

started_by(user, record) if
  member(user, record) and
  same_region(user, record) and
  user.id != "" and
  record.owner_id = user.id;

may_run_jobs(user, record) if
  user.role in ["revops_analyst", "platform_admin"] and
  in_branch(user, record);

may_run_jobs(user, record) if
  user.role = "sales_manager" and
  in_team(user, record);
