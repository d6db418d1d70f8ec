// One code path over SQLite and PostgreSQL.
//
// Statements use what both understand: RETURNING, ON CONFLICT, named parameters of SOCI. Times
// are BIGINT microseconds, messages are base64 TEXT (see Pack and Unpack), flags are INTEGER.
// On SQLite fetch a RETURNING statement to its end before the transaction ends.
#pragma once

#include <soci/soci.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/message_lite.h"

namespace stackyard {

// Schema changes, oldest first; each is one or more statements separated by `;`, which does not
// separate between two `$$`. Only ever add to the end. `{bigserial}` stands for an automatic
// integer key on either engine, `{bytes}` for a text that is ordered by its bytes. A statement that
// begins with `{sqlite}` or `{postgres}` is for that engine alone.
using Migrations = std::vector<std::string>;

class Database {
 public:
  using Body = std::function<absl::Status(soci::session&)>;

  // `url` is `sqlite:/path/to/file`, `sqlite::memory:` or `postgresql://…` (a libpq URL or
  // `postgresql:` and a libpq connection string). `connections` bounds what is open at a time;
  // SQLite has one writer and the rest readers. Applies the migrations that are missing, one
  // replica at a time.
  static absl::StatusOr<std::unique_ptr<Database>> Open(std::string_view url,
                                                        const Migrations& migrations,
                                                        int connections = 8);
  virtual ~Database() = default;

  // Runs `body` in a read-only snapshot.
  absl::Status Read(const Body& body);
  // Runs `body` in a transaction that commits when it answers OK and rolls back else. Writers of
  // SQLite take turns; on PostgreSQL rows that decide are to be locked with ForUpdate(). A
  // serialization failure or deadlock is tried again, so `body` must have no effects besides the
  // database.
  absl::Status Write(const Body& body);

  // Same, for a body that answers a value.
  template <typename T>
  absl::StatusOr<T> ReadValue(const std::function<absl::StatusOr<T>(soci::session&)>& body) {
    return WithValue<T>(body, [this](const Body& inner) { return Read(inner); });
  }
  template <typename T>
  absl::StatusOr<T> WriteValue(const std::function<absl::StatusOr<T>(soci::session&)>& body) {
    return WithValue<T>(body, [this](const Body& inner) { return Write(inner); });
  }

  // A number that is another one as soon as anything was committed since, by whichever process. It
  // costs a look at memory that the processes share. Null where the engine cannot tell: on
  // PostgreSQL, and for SQLite in memory; and when it does not answer.
  virtual std::optional<int64_t> DataVersion() { return std::nullopt; }

  // ` FOR UPDATE` on PostgreSQL and nothing on SQLite, whose writers are alone anyway.
  std::string_view ForUpdate() const;
  // ` FOR UPDATE SKIP LOCKED` on PostgreSQL and nothing on SQLite.
  std::string_view SkipLocked() const;
  bool is_sqlite() const { return sqlite_; }

 protected:
  explicit Database(bool sqlite) : sqlite_(sqlite) {}
  // One attempt.
  virtual absl::Status Run(const Body& body, bool write) = 0;

 private:
  template <typename T, typename Runner>
  absl::StatusOr<T> WithValue(const std::function<absl::StatusOr<T>(soci::session&)>& body,
                              const Runner& run) {
    absl::StatusOr<T> result = absl::UnknownError("not run");
    absl::Status status = run([&](soci::session& sql) {
      result = body(sql);
      return result.status();
    });
    if (!status.ok()) return status;
    return result;
  }

  const bool sqlite_;
};

// Messages as base64 TEXT.
std::string Pack(const google::protobuf::MessageLite& message);
absl::Status Unpack(std::string_view text, google::protobuf::MessageLite& message);

}  // namespace stackyard
