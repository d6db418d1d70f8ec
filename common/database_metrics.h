// What Prometheus is told of a database's pool and transactions.
#pragma once

#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace stackyard {

class Database;

// Has a database tell of its connections and transactions from now on. To be called before other
// threads use it; the registry must outlive it.
void MeasureDatabase(Database& database, prometheus::Registry& registry);

// Thread-safe.
class DatabaseMetrics {
 public:
  // Of a pool with so many connections, none of them busy. The registry must outlive the object.
  DatabaseMetrics(prometheus::Registry& registry, int connections);

  // Somebody got a connection, to write or to read, after this time.
  void Take(bool write, absl::Duration waited);
  void GiveBack();
  // One attempt at a transaction ended like this. What its body answers on its own account is no
  // error of the database.
  void End(bool write, const absl::Status& status, absl::Duration took);

 private:
  // Of reading or writing.
  struct Mode {
    prometheus::Histogram& wait;
    prometheus::Histogram& ok;
    prometheus::Histogram& error;
    prometheus::Histogram& conflict;
  };
  Mode MakeMode(prometheus::Registry& registry, const char* mode);

  prometheus::Gauge& idle_;
  prometheus::Gauge& busy_;
  const Mode read_, write_;
};

// Whether a status is a transaction body's own answer, and not the engine's: those have no payload.
bool IsOwnAnswer(const absl::Status& status);

}  // namespace stackyard
