// What the decisions of one group see and change: reservations and capacities, as they will be in
// the database when the group's transaction is committed.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "services/quota/capacities.h"
#include "services/quota/store.h"

namespace stackyard::quota {

// What is to be read before a decision.
struct Need {
  std::string project;
  // The reservation that is decided on, and that which it supersedes; empty: none.
  std::string reservation;
  std::string supersedes;
  // Besides those of the reservations' amounts.
  MetricIds metrics;
};

class Desk {
 public:
  Desk(Tx& tx, Capacities& capacities) : tx_(tx), capacities_(capacities) {}

  // Locks (with `change`) and reads. `clock` is asked behind the locks: whoever decided before took
  // an earlier time.
  void Open(const std::vector<const Need*>& needs, bool change,
            const std::function<absl::Time()>& clock);

  // Of all decisions.
  absl::Time now() const { return now_; }
  // As earlier decisions left it; nullptr: there is none. Only of what was needed.
  const Reservation* Find(const ReservationName& name) const;
  // Id of a reservation that is PENDING and supersedes this one; empty: none.
  std::string PendingSuccessor(const ReservationName& name) const;
  // What is short for `asked` from now on; `old` is what it supersedes, nullptr for none.
  v1::CheckFitResponse Fit(const Reservation& asked, const Reservation* old);
  // Makes a reservation, or changes one.
  void Put(const Reservation& reservation);

  bool changed() const { return !changes_.empty() || !unwritten_.empty(); }
  // Writes all that was put. Answers the versions that begin with the commit.
  std::map<MetricKey, int64_t> Write();

 private:
  // How a row came here and what is to be done with it.
  enum class Fate { kKeep, kInsert, kUpdate };
  struct Row {
    Reservation reservation;
    Fate fate = Fate::kKeep;
  };

  void Read(const std::set<ReservationName>& names, bool lock);
  void Log(const Reservation* before, const Reservation& after);

  Tx& tx_;
  Capacities& capacities_;
  absl::Time now_;
  std::map<ReservationName, Row> rows_;
  // Of those PENDING.
  std::map<ReservationName, std::set<std::string>> successors_;
  std::map<MetricKey, int64_t> versions_;
  std::map<MetricKey, std::string> changes_;
  std::set<ReservationName> unwritten_;
};

}  // namespace stackyard::quota
