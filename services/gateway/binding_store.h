// Bindings in SQL.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "services/gateway/record_table.h"

namespace stackyard::gateway {

struct BindingRow {
  std::string id;
  // Id of the project; empty: everywhere.
  std::string project;
  // Id of the role.
  std::string role;
  // `users/{user}` or `groups/{group}`.
  std::string member;
  int64_t create_time_micros = 0;
};

// What does not fit the project is not found either.
std::optional<BindingRow> FindBinding(soci::session& sql, const std::string& project,
                                      const std::string& id);
// The binding that gives this already.
std::optional<BindingRow> FindSameBinding(soci::session& sql, const BindingRow& binding);
void InsertBinding(soci::session& sql, const BindingRow& binding);
void DeleteBinding(soci::session& sql, const std::string& id);
void DeleteBindingsOf(soci::session& sql, const std::string& member);
bool IsRoleBound(soci::session& sql, const std::string& role);
std::vector<BindingRow> ListBindings(soci::session& sql, const std::string& project,
                                     const Range& range);
// Of a member, on all projects.
std::vector<BindingRow> BindingsOf(soci::session& sql, const std::string& member);

}  // namespace stackyard::gateway
