#include "common/migrations.h"

#include <soci/postgresql/soci-postgresql.h>

#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "common/log.h"
#include "common/server.h"
#include "common/status_macros.h"

namespace stackyard {
namespace {

// The statements of a migration.
std::vector<std::string> Split(const std::string& migration) {
  std::vector<std::string> statements = {""};
  bool quoted = false;
  for (const absl::string_view part : absl::StrSplit(migration, "$$")) {
    if (quoted) {
      absl::StrAppend(&statements.back(), "$$", part, "$$");
    } else {
      const std::vector<std::string> pieces = absl::StrSplit(part, ';');
      absl::StrAppend(&statements.back(), pieces[0]);
      statements.insert(statements.end(), pieces.begin() + 1, pieces.end());
    }
    quoted = !quoted;
  }
  return statements;
}

// A statement as an engine takes it; empty when it is for the other one.
std::string ForEngine(absl::string_view statement, bool sqlite) {
  if (absl::ConsumePrefix(&statement, sqlite ? "{postgres}" : "{sqlite}")) return "";
  absl::ConsumePrefix(&statement, sqlite ? "{sqlite}" : "{postgres}");
  return absl::StrReplaceAll(
      statement,
      {{"{bigserial}", sqlite ? "INTEGER PRIMARY KEY AUTOINCREMENT" : "BIGSERIAL PRIMARY KEY"},
       {"{bytes}", sqlite ? "TEXT" : "TEXT COLLATE \"C\""},
       // SQLite has no such quotes; they are there for the split.
       {"$$", sqlite ? "" : "$$"}});
}

// N of `{min_version N}`; 0 for any other statement, negative for one that is wrong.
int MinVersionOf(absl::string_view statement) {
  if (!absl::ConsumePrefix(&statement, "{min_version")) return 0;
  int version = 0;
  const bool good =
      absl::ConsumeSuffix(&statement, "}") && absl::SimpleAtoi(statement, &version) && version > 0;
  return good ? version : -1;
}

// What a database says of its schema.
struct SchemaState {
  int version = 0;
  // Programs that know fewer migrations cannot work with it.
  int min_version = 0;
};

SchemaState ReadState(soci::session& sql) {
  SchemaState state;
  sql << "SELECT COALESCE(MAX(version), 0) FROM schema_migrations", soci::into(state.version);
  sql << "SELECT COALESCE(MAX(min_version), 0) FROM schema_compatibility",
      soci::into(state.min_version);
  return state;
}

absl::Status CheckNotTooNew(const SchemaState& state, int known) {
  if (state.min_version > known) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the database has schema ", state.version, ", which is for programs that know schema ",
        state.min_version, " or newer, and this one knows ", known,
        ": run a newer release, or restore a back-up from before"));
  }
  if (state.version > known) {
    LogInfo("the schema of the database is newer than this program, which can work with it",
            {{"schema", state.version}, {"known", known}});
  }
  return absl::OkStatus();
}

absl::Status Apply(soci::session& sql, bool sqlite, const std::string& migration, int version) {
  for (const std::string& part : Split(migration)) {
    const absl::string_view statement = absl::StripAsciiWhitespace(part);
    if (const int min_version = MinVersionOf(statement); min_version != 0) {
      if (min_version < 0 || min_version > version) {
        return absl::InternalError(absl::StrCat("migration ", version, ": ", statement,
                                                " is not a version from 1 to its own"));
      }
      sql << "INSERT INTO schema_compatibility (version, min_version) VALUES (:version, :min)",
          soci::use(version), soci::use(min_version);
    } else if (const std::string text = ForEngine(statement, sqlite); !text.empty()) {
      sql << text;
    }
  }
  sql << "INSERT INTO schema_migrations (version) VALUES (:version)", soci::use(version);
  return absl::OkStatus();
}

// Replicas that start together take turns, until the transaction ends. On SQLite all writers do.
void TakeTurn(Database& database, soci::session& sql) {
  if (!database.is_sqlite()) sql << "SELECT pg_advisory_xact_lock(7326542)";
}

// What waits for the lock of a table keeps all who come later waiting, heartbeats of runners among
// them: so only for a moment at a time, with pauses that grow. A back-up may hold on for minutes.
constexpr char kLockTimeout[] = "SET LOCAL lock_timeout = '500ms'";
constexpr absl::Duration kFirstPause = absl::Milliseconds(500);
constexpr absl::Duration kLongestPause = absl::Seconds(8);

// In a transaction. `locked`: somebody else had a table for too long, and it may be tried again.
absl::Status BringForward(Database& database, soci::session& sql, const Migrations& migrations,
                          bool& locked) {
  const int known = static_cast<int>(migrations.size());
  TakeTurn(database, sql);
  const SchemaState state = ReadState(sql);
  RETURN_IF_ERROR(CheckNotTooNew(state, known));
  if (state.version >= known) return absl::OkStatus();
  if (!database.is_sqlite()) sql << kLockTimeout;
  for (int version = state.version + 1; version <= known; ++version) {
    try {
      RETURN_IF_ERROR(Apply(sql, database.is_sqlite(), migrations[version - 1], version));
    } catch (const soci::postgresql_soci_error& error) {
      if (error.sqlstate() != "55P03") throw;
      locked = true;
      return absl::UnavailableError(
          "the schema of the database cannot be brought forward: somebody holds a table");
    }
  }
  LogInfo("the schema of the database was brought forward",
          {{"from", state.version}, {"to", known}});
  return absl::OkStatus();
}

}  // namespace

absl::Status Migrate(Database& database, const Migrations& migrations) {
  RETURN_IF_ERROR(database.Write([&](soci::session& sql) {
    // CREATE IF NOT EXISTS alone can collide on PostgreSQL.
    TakeTurn(database, sql);
    // It would say in the log, in words of its own, what was there.
    if (!database.is_sqlite()) sql << "SET LOCAL client_min_messages = warning";
    sql << "CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY)";
    sql << "CREATE TABLE IF NOT EXISTS schema_compatibility ("
           "version INTEGER PRIMARY KEY, min_version INTEGER NOT NULL)";
    return absl::OkStatus();
  }));
  absl::Duration pause = kFirstPause;
  while (true) {
    bool locked = false;
    const absl::Status status = database.Write(
        [&](soci::session& sql) { return BringForward(database, sql, migrations, locked); });
    if (!locked || pause > kLongestPause || WaitForSignal(pause)) return status;
    pause *= 2;
  }
}

}  // namespace stackyard
