#include "services/stacks/state_retention.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "common/log.h"
#include "services/stacks/catalog_store.h"
#include "services/stacks/run_store.h"
#include "services/stacks/stack_store.h"
#include "stackyard/v1/state_versions.pb.h"

namespace stackyard::stacks {
namespace {

// Rows and blobs that one transaction looks at.
constexpr int kBatch = 500;

std::vector<std::string> Texts(const soci::rowset<std::string>& rows) {
  return {rows.begin(), rows.end()};
}

// Versions that an older program wrote have no digest in their column.
absl::StatusOr<int> FillDigests(Change& change) {
  std::vector<std::string> bodies(kBatch), uids(kBatch);
  std::vector<long long> serials(kBatch);
  const int limit = kBatch;
  change.sql << "SELECT uid, serial, body FROM state_versions WHERE digest = '' LIMIT :limit",
      soci::use(limit), soci::into(uids), soci::into(serials), soci::into(bodies);
  for (size_t i = 0; i < bodies.size(); ++i) {
    ASSIGN_OR_RETURN(const auto version, Unpacked<v1::StateVersion>(bodies[i]));
    change.sql << "UPDATE state_versions SET digest = :digest WHERE uid = :uid AND "
                  "serial = :serial",
        soci::use(version.digest()), soci::use(uids[i]), soci::use(serials[i]);
  }
  return static_cast<int>(bodies.size());
}

// Serials that plans of a stack's revisions were made from.
absl::StatusOr<std::set<int64_t>> PlannedFrom(soci::session& sql, const std::string& uid) {
  std::set<int64_t> serials;
  std::string project, id;
  sql << "SELECT project, id FROM stacks WHERE uid = :uid", soci::use(uid), soci::into(project),
      soci::into(id);
  if (!sql.got_data()) return serials;
  const soci::rowset<std::string> bodies =
      (sql.prepare << "SELECT body FROM revisions WHERE project = :project AND stack = :stack",
       soci::use(project), soci::use(id));
  for (const std::string& body : bodies) {
    ASSIGN_OR_RETURN(const auto record, Unpacked<RevisionRecord>(body));
    if (record.stack_uid() == uid) serials.insert(record.revision().plan().state_serial());
  }
  return serials;
}

// Digests of current states, of bundles, and of plans that may still be applied.
absl::StatusOr<std::set<std::string>> BundlesAndPlans(soci::session& sql) {
  std::set<std::string> used;
  for (const std::string& body :
       Texts((sql.prepare << "SELECT body FROM stacks WHERE holds_name = 1"))) {
    ASSIGN_OR_RETURN(const auto record, Unpacked<StackRecord>(body));
    used.insert(record.state_digest());
  }
  for (const std::string& body : Texts((sql.prepare << "SELECT body FROM template_versions"))) {
    ASSIGN_OR_RETURN(const auto version, Unpacked<v1::TemplateVersion>(body));
    used.insert(version.bundle_digest());
  }
  // The plan of a live stack's latest revision.
  for (const std::string& body : Texts(
           (sql.prepare << "SELECT r.body FROM revisions r JOIN stacks s ON s.project = r.project "
                           "AND s.id = r.stack WHERE s.holds_name = 1 AND r.number = "
                           "(SELECT MAX(number) FROM revisions m WHERE m.project = r.project "
                           "AND m.stack = r.stack)"))) {
    ASSIGN_OR_RETURN(const auto record, Unpacked<RevisionRecord>(body));
    used.insert(record.revision().plan().digest());
  }
  // What runs on their way need.
  for (const std::string& target : Texts((sql.prepare << "SELECT target FROM queue"))) {
    const auto name = RunName::Parse("target", target);
    if (!name.ok()) continue;
    const auto run = FindRun(sql, *name);
    if (!run.ok()) continue;
    used.insert(run->plan_digest());
    used.insert(run->preview().state_digest());
  }
  return used;
}

bool IsState(soci::session& sql, const std::string& digest) {
  int count = 0;
  sql << "SELECT (SELECT COUNT(*) FROM state_versions WHERE digest = :digest) + "
         "(SELECT COUNT(*) FROM stray_states WHERE digest = :same)",
      soci::use(digest), soci::use(digest), soci::into(count);
  return count > 0;
}

}  // namespace

absl::StatusOr<int> StateRetention::PruneStack(const std::string& uid) {
  return store_.WriteValue<int>(Actor(), [&](Change& change) -> absl::StatusOr<int> {
    ASSIGN_OR_RETURN(const std::set<int64_t> planned, PlannedFrom(change.sql, uid));
    const int keep = options_.states;
    std::vector<long long> serials(kBatch);
    const int limit = kBatch;
    // The current one, those before it as far as they are kept, and all drafts stay.
    ASSIGN_OR_RETURN(const StackRecord stack, FindStackByUid(change.sql, uid));
    const int64_t current = stack.state_serial();
    change.sql << "SELECT serial FROM state_versions WHERE uid = :uid AND kept = 0 AND serial < "
                  "(SELECT COALESCE(MIN(serial), 0) FROM (SELECT serial FROM state_versions "
                  "WHERE uid = :same AND serial <= :current ORDER BY serial DESC LIMIT :keep) "
                  "AS newest) ORDER BY serial LIMIT :limit",
        soci::use(uid), soci::use(uid), soci::use(current), soci::use(keep), soci::use(limit),
        soci::into(serials);
    int dropped = 0;
    for (const long long serial : serials) {
      if (planned.count(serial) > 0) {
        change.sql << "UPDATE state_versions SET kept = 1 WHERE uid = :uid AND serial = :serial",
            soci::use(uid), soci::use(serial);
        continue;
      }
      change.sql << "DELETE FROM state_versions WHERE uid = :uid AND serial = :serial",
          soci::use(uid), soci::use(serial);
      ++dropped;
    }
    soci::statement strays =
        (change.sql.prepare << "DELETE FROM stray_states WHERE uid = :uid AND digest NOT IN "
                               "(SELECT digest FROM stray_states WHERE uid = :same "
                               "ORDER BY create_micros DESC LIMIT :keep)",
         soci::use(uid), soci::use(uid), soci::use(keep));
    strays.execute(true);
    return dropped + static_cast<int>(strays.get_affected_rows());
  });
}

absl::StatusOr<int> StateRetention::Prune() {
  std::vector<std::string> uids;
  const int keep = options_.states;
  RETURN_IF_ERROR(store_.Read([&](soci::session& sql) {
    uids = Texts((sql.prepare << "SELECT uid FROM state_versions WHERE kept = 0 GROUP BY uid "
                                 "HAVING COUNT(*) > :keep UNION SELECT uid FROM stray_states "
                                 "GROUP BY uid HAVING COUNT(*) > :same",
                  soci::use(keep), soci::use(keep)));
    return absl::OkStatus();
  }));
  int dropped = 0;
  for (const std::string& uid : uids) {
    ASSIGN_OR_RETURN(const int count, PruneStack(uid));
    dropped += count;
  }
  return dropped;
}

absl::StatusOr<int> StateRetention::Sweep() {
  for (int filled = kBatch; filled == kBatch;) {
    ASSIGN_OR_RETURN(filled, store_.WriteValue<int>(Actor(), FillDigests));
  }
  const absl::Time old = store_.Now() - options_.blob_grace;
  ASSIGN_OR_RETURN(const std::vector<std::string> candidates, blobs_.ListOlder(old));
  if (candidates.empty()) return 0;
  // After the listing: who names an old blob from now on puts it first, and makes it young.
  using Digests = std::set<std::string>;
  ASSIGN_OR_RETURN(const Digests used, store_.ReadValue<Digests>(BundlesAndPlans));
  int deleted = 0;
  for (size_t begin = 0; begin < candidates.size(); begin += kBatch) {
    const size_t end = std::min(candidates.size(), begin + kBatch);
    std::vector<std::string> unused;
    RETURN_IF_ERROR(store_.Read([&](soci::session& sql) {
      for (size_t i = begin; i < end; ++i) {
        if (used.count(candidates[i]) == 0 && !IsState(sql, candidates[i])) {
          unused.push_back(candidates[i]);
        }
      }
      return absl::OkStatus();
    }));
    for (const std::string& digest : unused) {
      ASSIGN_OR_RETURN(const bool gone, blobs_.DeleteOlder(digest, old));
      deleted += gone;
    }
  }
  if (deleted > 0) LogInfo("blobs that nothing names were deleted", {{"count", deleted}});
  return deleted;
}

}  // namespace stackyard::stacks
