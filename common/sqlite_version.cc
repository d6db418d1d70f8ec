#include "common/sqlite_version.h"

#include <soci/sqlite3/soci-sqlite3.h>

namespace stackyard {

namespace api = ::sqlite_api;

struct SqliteVersion::Statement {
  explicit Statement(soci::session& session) {
    auto* backend = static_cast<soci::sqlite3_session_backend*>(session.get_backend());
    api::sqlite3_prepare_v2(backend->conn_, "PRAGMA data_version", -1, &handle, nullptr);
  }
  ~Statement() { api::sqlite3_finalize(handle); }

  api::sqlite3_stmt* handle = nullptr;
};

SqliteVersion::SqliteVersion(std::unique_ptr<soci::session> session)
    : session_(std::move(session)), statement_(std::make_unique<Statement>(*session_)) {}

SqliteVersion::~SqliteVersion() = default;

std::optional<int64_t> SqliteVersion::Read() {
  absl::MutexLock lock(&mutex_);
  if (statement_->handle == nullptr) return std::nullopt;
  std::optional<int64_t> version;
  if (api::sqlite3_step(statement_->handle) == SQLITE_ROW) {
    version = api::sqlite3_column_int64(statement_->handle, 0);
  }
  // Ends the read: one that stays open sees the same version for ever.
  api::sqlite3_reset(statement_->handle);
  return version;
}

}  // namespace stackyard
