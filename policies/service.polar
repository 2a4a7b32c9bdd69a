# The platform's own jobs, imports and installation: the whole of one organisation, never beyond it. No person has this
# role; who asks for a job is checked before it starts.

allow(user: User, action: String, record) if
  user.role = "service" and
  action in ["read", "write", "start", "publish", "ask"] and
  same_organisation(user, record);
