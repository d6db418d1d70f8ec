#include "common/sql.h"

#include <soci/postgresql/soci-postgresql.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <algorithm>
#include <deque>
#include <exception>
#include <filesystem>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "common/database_metrics.h"
#include "common/log.h"
#include "common/migrations.h"
#include "common/span.h"
#include "common/sqlite_statements.h"
#include "common/sqlite_version.h"
#include "common/status_macros.h"

namespace stackyard {
namespace {

// Attempts for a transaction that lost a race on PostgreSQL.
constexpr int kAttempts = 10;

// What an engine's exception means. ABORTED: try again. UNAVAILABLE: the connection is gone.
absl::Status ToStatus(const soci::soci_error& error) {
  const std::string text = error.what();
  if (const auto* sqlite = dynamic_cast<const soci::sqlite3_soci_error*>(&error)) {
    constexpr int kBusy = 5, kFull = 13, kConstraint = 19;
    const int code = sqlite->result() & 0xff;
    if (code == kConstraint) return absl::AlreadyExistsError(text);
    if (code == kBusy) return absl::AbortedError(text);
    if (code == kFull) return absl::ResourceExhaustedError(text);
    return absl::InternalError(text);
  }
  if (const auto* postgres = dynamic_cast<const soci::postgresql_soci_error*>(&error)) {
    // Blanks, when the connection itself is gone.
    const std::string raw = postgres->sqlstate();
    const absl::string_view state = absl::StripAsciiWhitespace(raw);
    // The last of them: a lock that was waited for in vain, where a wait has a bound.
    if (state == "40001" || state == "40P01" || state == "55P03") return absl::AbortedError(text);
    if (absl::StartsWith(state, "23")) return absl::AlreadyExistsError(text);
    if (state.empty() || absl::StartsWith(state, "08") || absl::StartsWith(state, "57P") ||
        state == "25P03") {
      return absl::UnavailableError(text);
    }
    return absl::InternalError(text);
  }
  return absl::InternalError(text);
}

// From the wait for a connection to the commit, all attempts included. What is done within belongs
// to whoever asked, not to it.
Span TransactionSpan(std::string_view name, bool sqlite) {
  Span span = Span::Child(name, SpanKind::kClient, RequestScope::Traceparent());
  span.Set("db.system", sqlite ? "sqlite" : "postgresql");
  return span;
}

// Calls `body` and turns what it throws into a Status.
absl::Status Guard(const std::function<absl::Status()>& body) {
  try {
    return body();
  } catch (const soci::soci_error& error) {
    return ToStatus(error);
  } catch (const std::exception& error) {
    return absl::InternalError(error.what());
  }
}

// BEGIN, body, COMMIT; ROLLBACK when the body fails.
absl::Status InTransaction(soci::session& sql, const char* begin, const Database::Body& body) {
  return Guard([&]() -> absl::Status {
    sql << begin;
    absl::Status status = Guard([&] { return body(sql); });
    if (status.ok()) status = Guard([&] { return sql << "COMMIT", absl::OkStatus(); });
    if (!status.ok()) {
      const absl::Status undone = Guard([&] { return sql << "ROLLBACK", absl::OkStatus(); });
      if (!undone.ok() && absl::IsUnavailable(undone)) return undone;
    }
    return status;
  });
}

// Sessions that callers borrow one at a time.
class SessionPool {
 public:
  void Add(std::unique_ptr<soci::session> session) {
    absl::MutexLock lock(&mutex_);
    idle_.push_back(std::move(session));
  }
  std::unique_ptr<soci::session> Take() {
    const auto available = [this]()
                               ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !idle_.empty(); };
    absl::MutexLock lock(&mutex_, absl::Condition(&available));
    auto session = std::move(idle_.back());
    idle_.pop_back();
    return session;
  }

 private:
  absl::Mutex mutex_;
  std::deque<std::unique_ptr<soci::session>> idle_ ABSL_GUARDED_BY(mutex_);
};

// A borrowed session, given back at the end of the scope.
class Borrowed {
 public:
  // `metrics` may be null.
  Borrowed(SessionPool& pool, bool write, DatabaseMetrics* metrics)
      : pool_(pool), metrics_(metrics) {
    const absl::Time start = metrics_ == nullptr ? absl::Time() : absl::Now();
    session_ = pool.Take();
    if (metrics_ != nullptr) metrics_->Take(write, absl::Now() - start);
  }
  ~Borrowed() {
    if (metrics_ != nullptr) metrics_->GiveBack();
    pool_.Add(std::move(session_));
  }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;
  soci::session& operator*() { return *session_; }

 private:
  SessionPool& pool_;
  DatabaseMetrics* const metrics_;
  std::unique_ptr<soci::session> session_;
};

// Does the work of a transaction, and tells how long it took.
absl::Status Timed(DatabaseMetrics* metrics, bool write,
                   const std::function<absl::Status()>& work) {
  if (metrics == nullptr) return work();
  const absl::Time start = absl::Now();
  absl::Status status = work();
  metrics->End(write, status, absl::Now() - start);
  return status;
}

// What both engines share: that somebody may measure them.
class PooledDatabase : public Database {
 public:
  PooledDatabase(bool sqlite, int connections) : Database(sqlite), connections_(connections) {}

  void Measure(prometheus::Registry& registry) {
    metrics_ = std::make_unique<DatabaseMetrics>(registry, connections_);
  }

 protected:
  // nullptr: nobody measures.
  DatabaseMetrics* metrics() const { return metrics_.get(); }

 private:
  const int connections_;
  std::unique_ptr<DatabaseMetrics> metrics_;
};

class SqliteDatabase final : public PooledDatabase {
 public:
  SqliteDatabase(const std::string& path, int connections)
      // A database in memory is private to its connection.
      : PooledDatabase(true, path == ":memory:" ? 1 : std::max(connections, 1)) {
    writers_.Add(Connect(path));
    if (path == ":memory:") return;
    readers_.emplace();
    for (int i = 1; i < connections; ++i) readers_->Add(Connect(path));
    version_.emplace(Connect(path));
  }

  std::optional<int64_t> DataVersion() override {
    return version_ ? version_->Read() : std::nullopt;
  }

 protected:
  absl::Status Run(const Body& body, bool write) override {
    Borrowed session(write || !readers_ ? writers_ : *readers_, write, metrics());
    return Timed(metrics(), write, [&] {
      return InTransaction(*session, write ? "BEGIN IMMEDIATE" : "BEGIN", body);
    });
  }

 private:
  static std::unique_ptr<soci::session> Connect(const std::string& path) {
    auto session =
        std::make_unique<soci::session>(CachingSqlite(), absl::StrCat("dbname=\"", path, "\""));
    std::string mode;
    *session << "PRAGMA busy_timeout = 30000";
    *session << "PRAGMA journal_mode = WAL", soci::into(mode);
    // What was answered is on the disk.
    *session << "PRAGMA synchronous = FULL";
    *session << "PRAGMA foreign_keys = ON";
    return session;
  }

  SessionPool writers_;
  std::optional<SessionPool> readers_;
  std::optional<SqliteVersion> version_;
};

class PostgresDatabase final : public PooledDatabase {
 public:
  PostgresDatabase(const std::string& connection, int connections)
      : PooledDatabase(false, connections) {
    for (int i = 0; i < connections; ++i) {
      auto session = std::make_unique<soci::session>(soci::postgresql, connection);
      SetTimeouts(*session);
      pool_.Add(std::move(session));
    }
  }

 protected:
  absl::Status Run(const Body& body, bool write) override {
    Borrowed session(pool_, write, metrics());
    return Timed(metrics(), write, [&]() -> absl::Status {
      RETURN_IF_ERROR(Reconnect(*session));
      const char* begin = write ? "BEGIN ISOLATION LEVEL READ COMMITTED"
                                : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
      return InTransaction(*session, begin, body);
    });
  }

 private:
  // A replica that vanished within a transaction must not keep others from its rows for hours.
  static void SetTimeouts(soci::session& sql) {
    sql << "SET idle_in_transaction_session_timeout = 60000";
    sql << "SET tcp_user_timeout = 15000";
  }

  // A connection shows that it is lost when it is used: then the next one who borrows it makes it
  // anew. UNAVAILABLE while that fails.
  static absl::Status Reconnect(soci::session& sql) {
    if (sql.is_connected()) return absl::OkStatus();
    const absl::Status done = Guard([&] {
      sql.reconnect();
      SetTimeouts(sql);
      return absl::OkStatus();
    });
    if (done.ok()) return done;
    return absl::UnavailableError(absl::StrCat("no connection to the database: ", done.message()));
  }

  SessionPool pool_;
};

}  // namespace

void MeasureDatabase(Database& database, prometheus::Registry& registry) {
  if (auto* pooled = dynamic_cast<PooledDatabase*>(&database)) pooled->Measure(registry);
}

absl::StatusOr<std::unique_ptr<Database>> Database::Open(std::string_view url,
                                                         const Migrations& migrations,
                                                         int connections) {
  std::unique_ptr<Database> database;
  absl::string_view rest(url.data(), url.size());
  const absl::Status opened = Guard([&]() -> absl::Status {
    if (absl::ConsumePrefix(&rest, "sqlite:")) {
      const std::filesystem::path path{std::string(rest)};
      if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path());
      database = std::make_unique<SqliteDatabase>(path.string(), connections);
    } else if (absl::StartsWith(rest, "postgresql://") || absl::StartsWith(rest, "postgres://") ||
               absl::ConsumePrefix(&rest, "postgresql:")) {
      database = std::make_unique<PostgresDatabase>(std::string(rest), connections);
    } else {
      return absl::InvalidArgumentError("a database is sqlite:PATH or postgresql://USER@HOST/NAME");
    }
    return absl::OkStatus();
  });
  if (!opened.ok()) {
    return absl::Status(opened.code(),
                        absl::StrCat("the database cannot be opened: ", opened.message()));
  }
  RETURN_IF_ERROR(Migrate(*database, migrations));
  return database;
}

absl::Status Database::Read(const Body& body) {
  const Span span = TransactionSpan("db read", sqlite_);
  absl::Status status;
  for (int attempt = 0; attempt < 2; ++attempt) {
    status = Run(body, false);
    if (!absl::IsUnavailable(status)) break;
  }
  return status;
}

absl::Status Database::Write(const Body& body) {
  const Span span = TransactionSpan("db write", sqlite_);
  absl::Status status;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    status = Run(body, true);
    if (IsOwnAnswer(status) || !absl::IsAborted(status)) break;
  }
  return status;
}

std::string_view Database::ForUpdate() const { return sqlite_ ? "" : " FOR UPDATE"; }

std::string_view Database::SkipLocked() const { return sqlite_ ? "" : " FOR UPDATE SKIP LOCKED"; }

std::string Pack(const google::protobuf::MessageLite& message) {
  return absl::Base64Escape(message.SerializeAsString());
}

absl::Status Unpack(std::string_view text, google::protobuf::MessageLite& message) {
  std::string bytes;
  if (!absl::Base64Unescape(absl::string_view(text.data(), text.size()), &bytes) ||
      !message.ParseFromString(bytes)) {
    return absl::InternalError("a stored message cannot be read");
  }
  return absl::OkStatus();
}

}  // namespace stackyard
