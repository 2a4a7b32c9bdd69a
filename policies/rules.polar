# Rule files are their own resource beside the matrix: everyone of the organisation reads what decides about them; RevOps
# drafts, proposes and publishes; managers preview on their own team's records; approval needs a second person; boundary
# files are the platform admins' alone.

allow(user: User, "read", record: RuleVersion) if member(user, record);

allow(user: User, "preview", record: RuleVersion) if
  same_organisation(user, record) and
  user.role in ["sales_manager", "revops_analyst", "platform_admin"];

allow(user: User, action: String, record: RuleVersion) if
  action in ["draft", "propose", "publish"] and
  same_organisation(user, record) and
  edits(user.role, record);

# `published_by` is whoever puts the version forward; nobody approves that themselves.
allow(user: User, "approve", record: RuleVersion) if
  same_organisation(user, record) and
  approves(user.role, record) and
  user.id != "" and
  record.published_by != user.id;

edits("revops_analyst", record) if record.kind != "boundary";
edits("platform_admin", record) if record.kind = "boundary";

approves(role, record) if
  role in ["sales_manager", "revops_analyst"] and
  record.kind != "boundary";
approves("platform_admin", _record);
