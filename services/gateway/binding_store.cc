#include "services/gateway/binding_store.h"

namespace stackyard::gateway {
namespace {

constexpr char kSelect[] = "SELECT id, project, role, member, create_time FROM bindings WHERE ";

BindingRow ToBinding(const soci::row& row) {
  BindingRow binding;
  long long create_time = 0;
  row >> binding.id >> binding.project >> binding.role >> binding.member >> create_time;
  binding.create_time_micros = create_time;
  return binding;
}

std::vector<BindingRow> Collect(const soci::rowset<soci::row>& rows) {
  std::vector<BindingRow> bindings;
  for (const soci::row& row : rows) bindings.push_back(ToBinding(row));
  return bindings;
}

std::optional<BindingRow> First(const soci::rowset<soci::row>& rows) {
  std::vector<BindingRow> bindings = Collect(rows);
  if (bindings.empty()) return std::nullopt;
  return std::move(bindings.front());
}

}  // namespace

std::optional<BindingRow> FindBinding(soci::session& sql, const std::string& project,
                                      const std::string& id) {
  return First((sql.prepare << kSelect << "id = :id AND project = :project", soci::use(id),
                soci::use(project)));
}

std::optional<BindingRow> FindSameBinding(soci::session& sql, const BindingRow& binding) {
  return First(
      (sql.prepare << kSelect << "project = :project AND role = :role AND member = :member",
       soci::use(binding.project), soci::use(binding.role), soci::use(binding.member)));
}

void InsertBinding(soci::session& sql, const BindingRow& binding) {
  const long long create_time = binding.create_time_micros;
  sql << "INSERT INTO bindings (id, project, role, member, create_time) "
         "VALUES (:id, :project, :role, :member, :time)",
      soci::use(binding.id), soci::use(binding.project), soci::use(binding.role),
      soci::use(binding.member), soci::use(create_time);
}

void DeleteBinding(soci::session& sql, const std::string& id) {
  sql << "DELETE FROM bindings WHERE id = :id", soci::use(id);
}

void DeleteBindingsOf(soci::session& sql, const std::string& member) {
  sql << "DELETE FROM bindings WHERE member = :member", soci::use(member);
}

bool IsRoleBound(soci::session& sql, const std::string& role) {
  int count = 0;
  sql << "SELECT COUNT(*) FROM bindings WHERE role = :role", soci::use(role), soci::into(count);
  return count > 0;
}

std::vector<BindingRow> ListBindings(soci::session& sql, const std::string& project,
                                     const Range& range) {
  return Collect((sql.prepare << kSelect << "project = :project" << RangeClause(range),
                  soci::use(project), soci::use(range.after), soci::use(range.after)));
}

std::vector<BindingRow> BindingsOf(soci::session& sql, const std::string& member) {
  return Collect((sql.prepare << kSelect << "member = :member", soci::use(member)));
}

}  // namespace stackyard::gateway
