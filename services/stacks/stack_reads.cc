#include "services/stacks/stack_reads.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/strings/str_split.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "services/stacks/sql_query.h"
#include "services/stacks/stack_index.h"
#include "services/stacks/stack_manager.h"
#include "services/stacks/stack_store.h"

namespace stackyard::stacks {
namespace {

// Reads of one transaction.
constexpr size_t kBatch = 64;
// Rows of `touches` that are read one by one; after more than these the cache begins anew.
constexpr int kMostTouches = 1000;

using Names = std::vector<StackName>;

// The stacks that hold the names, else the last that did; those that there are.
absl::StatusOr<std::vector<StackRecord>> FindAll(soci::session& sql, const Names& names) {
  std::vector<StackRecord> records;
  if (names.empty()) return records;
  SqlQuery query;
  query << "SELECT body FROM stacks WHERE uid IN (";
  for (size_t i = 0; i < names.size(); ++i) {
    query << (i == 0 ? "" : ", ")
          << "(SELECT uid FROM stacks WHERE project = " << Bind(names[i].project)
          << " AND id = " << Bind(names[i].stack)
          << " ORDER BY holds_name DESC, create_micros DESC LIMIT 1)";
  }
  query << ")";
  std::vector<std::string> bodies;
  query.Run(sql, static_cast<int>(names.size()), bodies);
  for (const std::string& body : bodies) {
    ASSIGN_OR_RETURN(records.emplace_back(), Unpacked<StackRecord>(body));
  }
  return records;
}

}  // namespace

StackReads::StackReads(Store& store, int64_t cache_bytes)
    : store_(store),
      keeps_(cache_bytes > 0 && store.DataVersion().has_value()),
      cache_(cache_bytes),
      loop_("stack-reads", [this] { return Turn(); }) {}

StackReads::~StackReads() {
  loop_.Stop();
  absl::MutexLock lock(&mutex_);
  for (const Waiting& one : waiting_) {
    one.done(Error(v1::DEPENDENCY_UNAVAILABLE, "the service stops: ask again"));
  }
}

AnswerBytes StackReads::Remembered(std::string_view name) {
  if (!keeps_) return nullptr;
  const std::optional<int64_t> version = store_.DataVersion();
  absl::MutexLock lock(&mutex_);
  return version == version_ ? cache_.Find(name) : nullptr;
}

void StackReads::Read(const std::string& name, Done done) {
  {
    absl::MutexLock lock(&mutex_);
    waiting_.push_back({name, std::move(done)});
  }
  loop_.Wake();
}

absl::Duration StackReads::Turn() {
  std::vector<Waiting> batch;
  bool more = false;
  {
    absl::MutexLock lock(&mutex_);
    const auto end = waiting_.begin() + std::min(waiting_.size(), kBatch);
    batch.assign(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
    waiting_.erase(waiting_.begin(), end);
    more = !waiting_.empty();
  }
  if (!batch.empty()) {
    const absl::StatusOr<Answers> answers = Look(batch);
    for (const Waiting& one : batch) {
      one.done(answers.ok() ? answers->at(one.name) : answers.status());
    }
  }
  return more ? absl::ZeroDuration() : absl::InfiniteDuration();
}

absl::StatusOr<StackReads::Answers> StackReads::Look(const std::vector<Waiting>& batch) {
  // Before the snapshot: a commit between the two is looked at twice rather than never.
  const std::optional<int64_t> version = keeps_ ? store_.DataVersion() : std::nullopt;
  Answers answers, fresh;
  RETURN_IF_ERROR(store_.Read([&](soci::session& sql) -> absl::Status {
    answers.clear();
    fresh.clear();
    if (version) DropTouched(sql);
    Names missing;
    for (const Waiting& one : batch) {
      if (answers.contains(one.name)) continue;
      absl::StatusOr<StackName> name = StackName::Parse("name", one.name);
      AnswerBytes kept;
      if (version) {
        absl::MutexLock lock(&mutex_);
        kept = cache_.Find(one.name);
      }
      if (kept != nullptr || !name.ok()) {
        answers.emplace(one.name, name.ok() ? absl::StatusOr<AnswerBytes>(kept) : name.status());
        continue;
      }
      answers.emplace(one.name, NotFound(one.name));
      missing.push_back(*std::move(name));
    }
    ASSIGN_OR_RETURN(const std::vector<StackRecord> records, FindAll(sql, missing));
    for (const StackRecord& record : records) {
      const auto bytes = std::make_shared<const std::string>(Show(record).SerializeAsString());
      fresh.insert_or_assign(record.stack().name(), bytes);
      answers.insert_or_assign(record.stack().name(), bytes);
    }
    return absl::OkStatus();
  }));
  if (version) Remember(*version, fresh);
  return answers;
}

void StackReads::DropTouched(soci::session& sql) {
  long long last = 0;
  sql << "SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = 'touches'",
      soci::into(last);
  const bool untold = HasUnindexed(sql);
  std::vector<std::string> rows;
  const bool few = touched_ >= 0 && last - touched_ <= kMostTouches;
  if (few && last > touched_) {
    SqlQuery query;
    query << "SELECT names FROM touches WHERE id > " << Bind(touched_) << " ORDER BY id";
    query.Run(sql, kMostTouches, rows);
  }
  // Old rows are dropped some time: then nobody knows what they held.
  const bool whole = few && static_cast<int64_t>(rows.size()) == last - touched_;
  touched_ = last;
  absl::MutexLock lock(&mutex_);
  if (!whole || untold || untold_) {
    cache_.Clear();
  } else {
    for (const std::string& row : rows) {
      for (const absl::string_view name : absl::StrSplit(row, '\n')) {
        cache_.Drop(std::string_view(name.data(), name.size()));
      }
    }
  }
  untold_ = untold;
}

void StackReads::Remember(int64_t version, const Answers& answers) {
  absl::MutexLock lock(&mutex_);
  for (const auto& [name, answer] : answers) {
    if (!untold_) cache_.Put(name, *answer);
  }
  version_ = version;
}

}  // namespace stackyard::stacks
