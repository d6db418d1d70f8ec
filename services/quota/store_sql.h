// What the parts of the store share.
#pragma once

#include <string>
#include <string_view>

#include "services/quota/query.h"
#include "services/quota/store.h"

namespace stackyard::quota {

// Place in a listing by project and id.
struct NameKey {
  std::string project;
  std::string id;

  // Of `project/id`.
  static NameKey Parse(std::string_view text);
};

// Place in a listing by age, newest first.
struct AgeKey {
  absl::Time create_time;
  std::string project;
  std::string id;

  std::string ToString() const;
  // Empty is before the newest; what cannot be read is behind the oldest.
  static AgeKey Parse(std::string_view text);
};

// A condition on the column `project`, and its parameters.
std::string ProjectFilter(const Listing& listing);
void UseProjects(Query& query, const Listing& listing);

// Goes on behind an AgeKey.
inline constexpr char kNewestFirst[] =
    " AND (create_time, project, id) < (:age_time, :age_project, :age_id) "
    "ORDER BY create_time DESC, project DESC, id DESC LIMIT :size";

inline Query& UseAge(Query& query, const AgeKey& key) {
  return query.Use("age_time", key.create_time)
      .Use("age_project", key.project)
      .Use("age_id", key.id);
}

}  // namespace stackyard::quota
