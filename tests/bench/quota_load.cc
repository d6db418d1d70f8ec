// A load generator for the ledger of quota, and the yardstick to hold against it.
//
//   quota_load pairs ADDRESS CALLERS SECONDS       Reserve and then Release, one unit of
//       metrics/stacks of projects/bench at a time, CALLERS callers at once
//   quota_load sqlite FILE SECONDS
//   quota_load postgres CONNECTION SECONDS
//       the least durable transaction of the engine, one after the other: a prepared update of one
//       row by its key
//
// Prints JSON: how many pairs or transactions a second; of pairs also the 50th and 99th percentile
// and the longest in milliseconds, and the least and the most that any caller got done.

#include <grpcpp/grpcpp.h>
#include <libpq-fe.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "stackyard/internal/v1/reservations.grpc.pb.h"

namespace {

using Clock = std::chrono::steady_clock;
using stackyard::internal::v1::LedgerService;
using stackyard::v1::Reservation;

int Fail(const std::string& what) {
  std::cerr << "error: " << what << "\n";
  return 1;
}

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// One caller: a call under way, and what it does next.
class Caller {
 public:
  Caller(LedgerService::Stub& stub, grpc::CompletionQueue& queue, uint64_t seed)
      : stub_(stub), queue_(queue), random_(seed) {}

  void Reserve() {
    begin_ = Clock::now();
    stackyard::internal::v1::ReserveRequest request;
    Reservation& wish = *request.mutable_reservation();
    char id[17];
    std::snprintf(id, sizeof(id), "%016llx", static_cast<unsigned long long>(random_()));
    name_ = std::string("projects/bench/quota/reservations/") + id;
    wish.set_name(name_);
    wish.set_holder("projects/bench/stacks/shop");
    stackyard::v1::Amount* amount = wish.add_amounts();
    amount->set_metric("stacks");
    amount->set_value(1);
    const int64_t now = time(nullptr);
    wish.mutable_start_time()->set_seconds(now);
    wish.mutable_end_time()->set_seconds(now + 7 * 86400);
    wish.mutable_expire_time()->set_seconds(now + 3600);
    Begin(true);
    reader_ = stub_.AsyncReserve(context_.get(), request, &queue_);
    reader_->Finish(&answer_, &status_, this);
  }
  void Release() {
    stackyard::internal::v1::ReleaseRequest request;
    request.set_name(name_);
    Begin(false);
    reader_ = stub_.AsyncRelease(context_.get(), request, &queue_);
    reader_->Finish(&answer_, &status_, this);
  }

  bool reserving() const { return reserving_; }
  const grpc::Status& status() const { return status_; }
  double millis() const { return SecondsSince(begin_) * 1000; }
  int pairs = 0;

 private:
  void Begin(bool reserving) {
    reserving_ = reserving;
    context_ = std::make_unique<grpc::ClientContext>();
    answer_.Clear();
  }

  LedgerService::Stub& stub_;
  grpc::CompletionQueue& queue_;
  std::mt19937_64 random_;
  std::string name_;
  bool reserving_ = false;
  Clock::time_point begin_;
  std::unique_ptr<grpc::ClientContext> context_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<Reservation>> reader_;
  Reservation answer_;
  grpc::Status status_;
};

int Pairs(const std::string& address, int callers, double seconds) {
  const auto stub =
      LedgerService::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  grpc::CompletionQueue queue;
  std::vector<std::unique_ptr<Caller>> all;
  for (int i = 0; i < callers; ++i) {
    all.push_back(std::make_unique<Caller>(*stub, queue, std::random_device()() * 1000003ULL + i));
  }
  std::vector<double> millis;
  const Clock::time_point start = Clock::now();
  for (const auto& caller : all) caller->Reserve();
  double took = 0;
  for (int active = callers; active > 0;) {
    void* tag = nullptr;
    bool ok = false;
    if (!queue.Next(&tag, &ok)) return Fail("the queue was shut down");
    Caller& caller = *static_cast<Caller*>(tag);
    if (!caller.status().ok()) return Fail(caller.status().error_message());
    if (caller.reserving()) {
      caller.Release();
      continue;
    }
    millis.push_back(caller.millis());
    ++caller.pairs;
    took = SecondsSince(start);
    if (took < seconds) {
      caller.Reserve();
    } else {
      --active;
    }
  }
  std::sort(millis.begin(), millis.end());
  const auto by_pairs = [](const auto& a, const auto& b) { return a->pairs < b->pairs; };
  const auto [least, most] = std::minmax_element(all.begin(), all.end(), by_pairs);
  std::printf(
      "{\"rate\": %.1f, \"p50\": %.3f, \"p99\": %.3f, \"longest\": %.3f, \"least\": %d, "
      "\"most\": %d}\n",
      static_cast<double>(millis.size()) / took, millis[millis.size() / 2],
      millis[millis.size() * 99 / 100], millis.back(), (*least)->pairs, (*most)->pairs);
  return 0;
}

// Calls `transaction` for some seconds; it answers false when it fails.
template <typename Transaction>
int Rate(double seconds, const Transaction& transaction) {
  int64_t count = 0;
  const Clock::time_point start = Clock::now();
  for (; SecondsSince(start) < seconds; ++count) {
    if (!transaction()) return Fail("a transaction failed");
  }
  std::printf("{\"rate\": %.1f}\n", static_cast<double>(count) / SecondsSince(start));
  return 0;
}

constexpr char kTable[] = "CREATE TABLE IF NOT EXISTS one (id INTEGER PRIMARY KEY, n BIGINT)";
constexpr char kRow[] = "INSERT INTO one VALUES (1, 0) ON CONFLICT DO NOTHING";
constexpr char kUpdate[] = "UPDATE one SET n = n + 1 WHERE id = 1";

int Sqlite(const std::string& file, double seconds) {
  sqlite3* database = nullptr;
  sqlite3_stmt* update = nullptr;
  const auto run = [&](const char* sql) {
    return sqlite3_exec(database, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
  };
  // A log that has its size already is quicker to write than one that grows, and the log of a
  // service that has run for a while has: 16 MB of it, written over from then on.
  constexpr char kGrow[] =
      "CREATE TABLE grown (filler BLOB); INSERT INTO grown VALUES (zeroblob(16777216)); "
      "DROP TABLE grown; PRAGMA wal_checkpoint(RESTART)";
  const bool ready = sqlite3_open(file.c_str(), &database) == SQLITE_OK &&
                     run("PRAGMA journal_mode = WAL") && run("PRAGMA synchronous = FULL") &&
                     run(kTable) && run(kRow) && run(kGrow) &&
                     sqlite3_prepare_v2(database, kUpdate, -1, &update, nullptr) == SQLITE_OK;
  if (!ready) return Fail(sqlite3_errmsg(database));
  const int result = Rate(seconds, [&] {
    return sqlite3_step(update) == SQLITE_DONE && sqlite3_reset(update) == SQLITE_OK;
  });
  sqlite3_finalize(update);
  sqlite3_close(database);
  return result;
}

int Postgres(const std::string& connection, double seconds) {
  PGconn* database = PQconnectdb(connection.c_str());
  const auto good = [](PGresult* result) {
    const bool ok = PQresultStatus(result) == PGRES_COMMAND_OK;
    PQclear(result);
    return ok;
  };
  PQsetNoticeProcessor(
      database, [](void*, const char*) {}, nullptr);
  if (!good(PQexec(database, kTable)) || !good(PQexec(database, kRow)) ||
      !good(PQprepare(database, "update", kUpdate, 0, nullptr))) {
    return Fail(PQerrorMessage(database));
  }
  const int result = Rate(seconds, [&] {
    return good(PQexecPrepared(database, "update", 0, nullptr, nullptr, nullptr, 0));
  });
  PQfinish(database);
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  if (args.size() == 4 && args[0] == "pairs") {
    return Pairs(args[1], std::stoi(args[2]), std::stod(args[3]));
  }
  if (args.size() == 3 && args[0] == "sqlite") return Sqlite(args[1], std::stod(args[2]));
  if (args.size() == 3 && args[0] == "postgres") return Postgres(args[1], std::stod(args[2]));
  return Fail("usage: see the head of quota_load.cc");
}
