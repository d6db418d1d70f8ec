// Fills a database of the stacks service with many stacks, so that listings can be measured.
//
//   stack_fill DATABASE SEAL_KEY_FILE COUNT
//
// The first two are as `--database` and `--seal-key-file` of stackyard-stacks take them; what is
// there already counts towards COUNT. A hundredth of the stacks is in each of `projects/p-00` to
// `projects/p-99`, but for every second one, which is in `projects/big`. Every tenth is FAILED and
// one in 50 PLANNING; `labels.team` has 20 values, `labels.ticket` is unique.
#include <iostream>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/clock.h"
#include "common/id.h"
#include "common/proto_time.h"
#include "common/status_macros.h"
#include "services/stacks/schema.h"
#include "services/stacks/seal_keys.h"
#include "services/stacks/stack_store.h"
#include "stackyard/v1/projects.pb.h"

namespace {

using namespace stackyard;
using namespace stackyard::stacks;

// Stacks of one transaction: terms lie all over their table, so each writes most of its pages.
constexpr int kBatch = 20000;

std::string ProjectOf(int number) {
  return number % 2 == 0 ? "big" : absl::StrFormat("p-%02d", number / 2 % 100);
}

StackRecord MakeStack(int number, absl::Time now) {
  StackRecord record;
  v1::Stack& stack = *record.mutable_stack();
  stack.set_name(absl::StrFormat("projects/%s/stacks/s%07d", ProjectOf(number), number));
  stack.set_uid(RandomId());
  stack.set_display_name(absl::StrCat("Stack number ", number));
  stack.set_template_version(absl::StrCat("templates/t", number % 7, "/versions/", number % 3));
  stack.set_creator(absl::StrCat("users/u", number % 1000));
  stack.set_state(number % 10 == 3   ? v1::Stack::FAILED
                  : number % 50 == 7 ? v1::Stack::PLANNING
                                     : v1::Stack::READY);
  stack.mutable_state_detail()->set_message("in use");
  (*stack.mutable_labels())["team"] = absl::StrCat("team-", number / 2 % 20);
  (*stack.mutable_labels())["ticket"] = absl::StrCat("T-", number);
  (*stack.mutable_parameters()->mutable_fields())["name"].set_string_value("Ann");
  (*stack.mutable_outputs())["message"].mutable_value()->set_string_value("Hello, Ann!");
  // Neither in the order of names, nor all at once.
  const absl::Duration age = absl::Seconds(number % 10007 * 61 + number % 977);
  *stack.mutable_create_time() = ToProto(now - age);
  *stack.mutable_update_time() = ToProto(now - age / 2);
  *stack.mutable_lease()->mutable_end_time() = ToProto(now + absl::Hours(72) - age / 3);
  return record;
}

absl::Status InsertProject(Change& change, const std::string& id) {
  v1::Project project;
  project.set_name(absl::StrCat("projects/", id));
  *project.mutable_create_time() = ToProto(change.now);
  const std::string body = Pack(project);
  change.sql << "INSERT INTO projects (id, body) VALUES (:id, :body) ON CONFLICT (id) DO NOTHING",
      soci::use(id), soci::use(body);
  return absl::OkStatus();
}

absl::Status Fill(Store& store, int count) {
  int64_t there = 0;
  RETURN_IF_ERROR(store.Write(Actor(), [&](Change& change) -> absl::Status {
    // Of the one session that writes, in KiB.
    if (change.db.is_sqlite()) change.sql << "PRAGMA cache_size = -500000";
    RETURN_IF_ERROR(InsertProject(change, "big"));
    for (int i = 0; i < 100; ++i) {
      RETURN_IF_ERROR(InsertProject(change, absl::StrFormat("p-%02d", i)));
    }
    change.sql << "SELECT COUNT(*) FROM stacks", soci::into(there);
    return absl::OkStatus();
  }));
  while (there < count) {
    RETURN_IF_ERROR(store.Write(Actor(), [&](Change& change) -> absl::Status {
      for (int i = 0; i < kBatch && there < count; ++i, ++there) {
        StackRecord record = MakeStack(static_cast<int>(there), change.now);
        RETURN_IF_ERROR(InsertStack(change, record));
      }
      // Nobody follows these.
      change.touched.names.clear();
      return absl::OkStatus();
    }));
  }
  return absl::OkStatus();
}

absl::Status Run(const std::string& url, const std::string& key, int count) {
  ASSIGN_OR_RETURN(const auto db, Database::Open(url, Schema()));
  ASSIGN_OR_RETURN(const Sealer sealer, OpenSealer(*db, key));
  const SystemClock clock;
  Signals signals;
  Store store(*db, clock, signals, sealer);
  return Fill(store, count);
}

}  // namespace

int main(int argc, char** argv) {
  int count = 0;
  if (argc != 4 || !absl::SimpleAtoi(argv[3], &count)) {
    std::cerr << "error: usage: stack_fill DATABASE SEAL_KEY_FILE COUNT\n";
    return 2;
  }
  const absl::Status done = Run(argv[1], argv[2], count);
  if (!done.ok()) std::cerr << "error: " << done.message() << "\n";
  return done.ok() ? 0 : 1;
}
