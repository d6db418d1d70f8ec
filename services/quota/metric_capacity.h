// What is held and allowed of one metric in one project, on all its levels.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "services/quota/admission.h"
#include "services/quota/change.h"

namespace stackyard::quota {

// What may be held of one metric.
struct Allowance {
  struct Grant {
    // Empty: to the project.
    std::string user;
    Span span;
  };
  int64_t default_limit = 0;
  // By user: empty is the project, kEachUser each user without one of their own.
  std::map<std::string, int64_t, std::less<>> limits;
  std::vector<Grant> grants;

  bool LimitsUsers() const;
  // Of a user, else of each user, else none; of the project (empty), else the default.
  std::optional<int64_t> LimitOf(const std::string& user) const;
};

// Trees of what is held, one for the project and, where users are limited, one for each user. It
// is told what changes and never reads a row. PENDING reservations hold nothing from their
// `expire_time` on, whether anybody says so or not.
class MetricCapacity {
 public:
  // `committed` and `pending` are all that is held at `now` or later.
  MetricCapacity(Allowance allowance, const std::vector<Holding>& committed,
                 const std::vector<Change>& pending, absl::Time now);

  // False, and good for nothing any more, when it takes trees of users that were never kept.
  bool SetAllowance(Allowance allowance);
  void Apply(const Change& change);
  // Moves on to `now`, never back: what has expired by then is held no more.
  void Advance(absl::Time now);

  // What is short for an amount from the time that it was advanced to on. `user` empty: of the
  // project. `old` is what it supersedes; nullptr: nothing.
  std::optional<Shortage> Short(const std::string& user, const Window& window, int64_t amount,
                                const Holding* old);

  // About how many of the trees' nodes it takes up, its other memory included.
  size_t size() const;

 private:
  struct Pending {
    Holding holding;
    absl::Time expire_time;
    std::string supersedes;
    std::optional<Holding> old;
  };

  // Adds to the trees, or with `sign` -1 takes away.
  void Count(const Holding& holding, int sign);
  void Count(const Pending& pending, int sign);
  void CountGrants(int sign);
  void AddPending(const Change& change);
  void DropPending(const std::string& id);
  // The tree of a user, or of the project when it is empty, with the past forgotten.
  CapacityTree& TreeOf(const std::string& user);
  // Does something to a tree, and keeps count of the nodes.
  template <typename Work>
  void OnTree(const std::string& user, const Work& work);

  Allowance allowance_;
  bool has_users_;
  absl::Time now_;
  CapacityTree project_;
  absl::flat_hash_map<std::string, CapacityTree> users_;
  // Of all trees together.
  size_t nodes_ = 0;
  absl::flat_hash_map<std::string, Pending> pending_;
  std::set<std::pair<absl::Time, std::string>> expiries_;
  // Id of what is superseded, and of the PENDING one that does it: there is one at a time.
  absl::flat_hash_map<std::string, std::string> successors_;
};

}  // namespace stackyard::quota
