# System configuration: the directory, products, imports, keys. Members read what they need so that names can be shown;
# platform admins write.

allow(user: User, "read", record: Organisation) if member(user, record);
allow(user: User, "write", record: Organisation) if admin(user, record);
# Who may change the policies themselves: asked of the organisation, because policies are files, not records.
allow(user: User, "edit_policies", record: Organisation) if admin(user, record);

allow(user: User, "read", record: Region) if member(user, record) and record.id = user.region_id;
allow(user: User, "write", record: Region) if admin(user, record) and record.id = user.region_id;

allow(user: User, "read", record: Branch) if member(user, record) and same_region(user, record);
allow(user: User, "write", record: Branch) if admin(user, record) and same_region(user, record);

allow(user: User, "read", record: Team) if member(user, record) and same_region(user, record);
allow(user: User, "write", record: Team) if admin(user, record) and same_region(user, record);

allow(user: User, "read", record: Territory) if member(user, record) and same_region(user, record);
allow(user: User, "write", record: Territory) if admin(user, record) and same_region(user, record);

# People see the people of their branch, and themselves. A person's record holds the role and the place that all other
# rules start from, so only admins write it, whoever's team it is in.
allow(user: User, "read", record: Person) if member(user, record) and in_branch(user, record);
allow(user: User, "read", record: Person) if member(user, record) and user.id != "" and record.id = user.id;
allow(user: User, "write", record: Person) if admin(user, record) and same_region(user, record);

# Asking what a person may do, and why: about oneself everybody, about their team managers, about their region admins. It
# shows nothing of records that the asker may not read.
allow(user: User, "ask", record: Person) if member(user, record) and user.id != "" and record.id = user.id;
allow(user: User, "ask", record: Person) if user.role = "sales_manager" and in_team(user, record);
allow(user: User, "ask", record: Person) if admin(user, record) and same_region(user, record);

allow(user: User, "read", record: Product) if member(user, record);
allow(user: User, "write", record: Product) if
  same_organisation(user, record) and
  user.role in ["revops_analyst", "platform_admin"];

allow(user: User, "read", record: ImportBatch) if
  same_organisation(user, record) and
  user.role in ["revops_analyst", "platform_admin"];
allow(user: User, "write", record: ImportBatch) if admin(user, record);

# A key acts for a person and can do no more than that person: people keep their own keys, admins everybody's.
allow(user: User, "read", record: ApiKey) if member(user, record) and user.id != "" and record.person_id = user.id;
allow(user: User, "write", record: ApiKey) if member(user, record) and user.id != "" and record.person_id = user.id;
allow(user: User, "read", record: ApiKey) if admin(user, record);
allow(user: User, "write", record: ApiKey) if admin(user, record);

# What a repeated request is answered with: only whoever made the request, and nobody in their name.
allow(user: User, action: String, record: IdempotencyKey) if
  action in ["read", "write"] and
  member(user, record) and
  user.id != "" and
  record.actor_id = user.id;

# The log of system configuration has no owner or team of its own: admins read it, in their organisation where it is
# about what belongs to the whole of it, and in their region for the rest.
allow(user: User, "read", record: AuditEntry) if
  admin(user, record) and
  record.record_type in [
    "organisation", "region", "product", "import_batch", "api_key", "rule_version", "session", "audit_entry"
  ];
allow(user: User, "read", record: AuditEntry) if
  admin(user, record) and
  same_region(user, record) and
  record.record_type in ["branch", "team", "territory", "person"];

# A checkpoint says how long the log is and what its root is, and nothing else: whoever keeps one outside is a witness.
allow(user: User, "read", record: Checkpoint) if member(user, record);

# Erasing what the log and the record say about a person or a lead, for ever.
allow(user: User, "erase", record: Person) if admin(user, record) and same_region(user, record);
allow(user: User, "erase", record: Lead) if admin(user, record) and same_region(user, record);

member(user, record) if
  user.role in ["sales_rep", "field_sales_rep", "sales_manager", "revops_analyst", "platform_admin"] and
  same_organisation(user, record);

admin(user, record) if
  user.role = "platform_admin" and
  same_organisation(user, record);
