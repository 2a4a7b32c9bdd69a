# The role matrix: what each role may do to the records of the business.
#
# | role            | own records | team        | branch      |
# | sales_rep       | read, write | no          | no          |
# | field_sales_rep | read, write | no          | no          |
# | sales_manager   | read, write | read, write | read        |
# | revops_analyst  | read        | read        | read, write |
# | platform_admin  | read, write | read, write | read, write |
#
# The columns are disjoint: of the scopes that hold a record for this person, the narrowest decides.

cell("sales_rep", "own", "read");
cell("sales_rep", "own", "write");

cell("field_sales_rep", "own", "read");
cell("field_sales_rep", "own", "write");

cell("sales_manager", "own", "read");
cell("sales_manager", "own", "write");
cell("sales_manager", "team", "read");
cell("sales_manager", "team", "write");
cell("sales_manager", "branch", "read");

cell("revops_analyst", "own", "read");
cell("revops_analyst", "team", "read");
cell("revops_analyst", "branch", "read");
cell("revops_analyst", "branch", "write");

cell("platform_admin", "own", "read");
cell("platform_admin", "own", "write");
cell("platform_admin", "team", "read");
cell("platform_admin", "team", "write");
cell("platform_admin", "branch", "read");
cell("platform_admin", "branch", "write");

# A record that the matrix governs, reached by this user with this action. The cell stands first: most end there.
governed(user, action, record) if
  cell(user.role, "own", action) and
  own(user, record);

governed(user, action, record) if
  cell(user.role, "team", action) and
  in_team(user, record) and
  own_does_not_decide(user, action, record);

governed(user, action, record) if
  cell(user.role, "branch", action) and
  in_branch(user, record) and
  own_does_not_decide(user, action, record) and
  team_does_not_decide(user, action, record);

# The scopes. Every one stands inside the organisation's wall and the region's partition. An empty id is no id: somebody
# without a team is in no team.
same_organisation(user, record) if
  user.organisation_id != "" and
  record.organisation_id = user.organisation_id;

same_region(user, record) if
  same_organisation(user, record) and
  user.region_id != "" and
  record.region_id = user.region_id;

own(user, record) if
  same_region(user, record) and
  user.id != "" and
  record.owner_id = user.id and
  record.territory_id in user.territory_ids;

in_team(user, record) if
  same_region(user, record) and
  user.team_id != "" and
  record.team_id = user.team_id;

in_branch(user, record) if
  same_region(user, record) and
  user.branch_id != "" and
  record.branch_id = user.branch_id;

# A wider scope decides only where a narrower one does not hold the record. Where the narrower cell allows the action too,
# it does not matter which of them decides, and nothing needs to be ruled out. Ruling out is written without `not` about
# the record, because a negation cannot become a database query; what is unknown (null) is never ruled out.
own_does_not_decide(user, action, _record) if
  cell(user.role, "own", action);

own_does_not_decide(user, action, record) if
  not cell(user.role, "own", action) and
  record.owner_id != user.id;

own_does_not_decide(user, action, record) if
  not cell(user.role, "own", action) and
  record.owner_id = user.id and
  record.territory_id != user.every_territory;

team_does_not_decide(user, action, _record) if
  cell(user.role, "team", action);

team_does_not_decide(user, action, record) if
  not cell(user.role, "team", action) and
  record.team_id != user.team_id;
