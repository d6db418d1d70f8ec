// Whether anything was written to a SQLite database, by whichever process.
#pragma once

#include <soci/soci.h>

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace stackyard {

// Asks `PRAGMA data_version` on a connection that does nothing else: SQLite compares the header of
// the write-ahead log, in memory that all processes share, with what this connection saw last.
class SqliteVersion {
 public:
  explicit SqliteVersion(std::unique_ptr<soci::session> session);
  ~SqliteVersion();
  SqliteVersion(const SqliteVersion&) = delete;
  SqliteVersion& operator=(const SqliteVersion&) = delete;

  // See Database::DataVersion. Null when SQLite does not answer, as while another process repairs
  // the log.
  std::optional<int64_t> Read();

 private:
  struct Statement;

  absl::Mutex mutex_;
  const std::unique_ptr<soci::session> session_;
  const std::unique_ptr<Statement> statement_ ABSL_PT_GUARDED_BY(mutex_);
};

}  // namespace stackyard
