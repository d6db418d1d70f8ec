#include "services/stacks/change_tail.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/proto_time.h"
#include "common/status_macros.h"

namespace stackyard::stacks {
namespace {

constexpr int kBatch = 2000;
// Rows live this long. Whoever has not looked for half of it looks at everything.
constexpr absl::Duration kKeep = absl::Minutes(2);
// No transaction takes this long: a number that is still missing was rolled back.
constexpr absl::Duration kPatience = absl::Minutes(1);
// Numbers that may be missing at a time.
constexpr int64_t kMostMissing = 1000;

}  // namespace

void WriteTouches(Change& change, const std::string& origin) {
  if (change.touched.names.empty()) return;
  const std::string names = absl::StrJoin(change.touched.names, "\n");
  const int64_t now = ToMicros(change.now);
  change.sql << "INSERT INTO touches (origin, names, create_micros) "
                "VALUES (:origin, :names, :now)",
      soci::use(origin), soci::use(names), soci::use(now);
}

ChangeTail::ChangeTail(Store& store, Listener listener)
    : store_(store), listener_(std::move(listener)), last_look_(store.Now()) {}

absl::StatusOr<std::vector<ChangeTail::Row>> ChangeTail::Fetch() {
  std::vector<long long> ids(kBatch);
  std::vector<std::string> origins(kBatch), names(kBatch);
  std::vector<Row> rows;
  const auto take = [&] {
    for (size_t i = 0; i < ids.size(); ++i) rows.push_back({ids[i], origins[i], names[i]});
  };
  RETURN_IF_ERROR(store_.Read([&](soci::session& sql) {
    rows.clear();
    if (high_ < 0) {
      // What is on its way at the start may have numbers below the highest.
      int64_t highest = 0;
      sql << "SELECT COALESCE(MAX(id), 0) FROM touches", soci::into(highest);
      high_ = std::max<int64_t>(highest - kMostMissing, 0);
    }
    if (!missing_.empty()) {
      const std::string list = absl::StrJoin(
          missing_, ", ",
          [](std::string* out, const auto& entry) { absl::StrAppend(out, entry.first); });
      sql << absl::StrCat("SELECT id, origin, names FROM touches WHERE id IN (", list, ")"),
          soci::into(ids), soci::into(origins), soci::into(names);
      take();
      ids.resize(kBatch);
      origins.resize(kBatch);
      names.resize(kBatch);
    }
    sql << "SELECT id, origin, names FROM touches WHERE id > :high ORDER BY id LIMIT :limit",
        soci::use(high_), soci::use(kBatch), soci::into(ids), soci::into(origins),
        soci::into(names);
    take();
    return absl::OkStatus();
  }));
  return rows;
}

void ChangeTail::Take(const std::vector<Row>& rows) {
  const absl::Time now = store_.Now();
  std::set<std::string> touched;
  for (const Row& row : rows) {
    missing_.erase(row.id);
    // The first number after a long rest may be far away.
    const int64_t from = std::max(high_ + 1, row.id - kMostMissing);
    for (int64_t id = from; id < row.id; ++id) missing_.emplace(id, now);
    high_ = std::max(high_, row.id);
    if (row.origin == store_.origin()) continue;
    for (const auto& name : absl::StrSplit(row.names, '\n')) touched.emplace(name);
  }
  std::erase_if(missing_, [&](const auto& entry) { return now - entry.second > kPatience; });
  while (static_cast<int64_t>(missing_.size()) > kMostMissing) missing_.erase(missing_.begin());
  if (!touched.empty()) listener_.on_names(touched);
}

absl::Status ChangeTail::Look() {
  const absl::Time now = store_.Now();
  for (bool more = true; more;) {
    ASSIGN_OR_RETURN(const std::vector<Row> rows, Fetch());
    Take(rows);
    more = static_cast<int>(rows.size()) >= kBatch;
  }
  if (now - last_look_ > kKeep / 2) listener_.on_gap();
  last_look_ = now;
  return absl::OkStatus();
}

absl::Status ChangeTail::Prune() {
  return store_.Write(Actor(), [](Change& change) {
    const int64_t old = ToMicros(change.now - kKeep);
    change.sql << "DELETE FROM touches WHERE create_micros < :old", soci::use(old);
    return absl::OkStatus();
  });
}

}  // namespace stackyard::stacks
