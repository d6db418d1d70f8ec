// Reads of single stacks: from memory where that is exact, else together with what others ask for
// at the same time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/work.h"
#include "services/stacks/answer_cache.h"
#include "services/stacks/change.h"

namespace stackyard::stacks {

// A read answers the stack as it was at some moment between the call and the answer, whichever
// replica wrote it and whichever the caller asked before.
//
// What is in memory is what the rows held when the database had the number that Database::
// DataVersion tells, and is answered only while it has that number still. When it has moved on, the
// names in `touches` since then are dropped and the rest is good for the new number: every
// transaction that writes a stack through Store touches its name, and who writes it otherwise is
// noticed by the triggers of the schema (see stack_index.h). On SQLite rows of `touches` are
// numbered in the order of the commits and without gaps, so that a missing one is noticed, and then
// everything is dropped.
//
// PostgreSQL has no such number, so nothing is kept: one transaction reads for all who wait.
class StackReads {
 public:
  // Gets a Stack as it is shown. Called once, on a thread of StackReads.
  using Done = std::function<void(const absl::StatusOr<AnswerBytes>&)>;

  // `cache_bytes` bounds what is kept; 0: nothing is.
  StackReads(Store& store, int64_t cache_bytes);
  // Nobody may read any more; who still waits is answered with DEPENDENCY_UNAVAILABLE.
  ~StackReads();

  // The answer, where memory has it. Null: it has to be read. Never waits for the database.
  AnswerBytes Remembered(std::string_view name);
  // Reads a stack. Errors: INVALID_FIELD, RESOURCE_NOT_FOUND.
  void Read(const std::string& name, Done done);

 private:
  struct Waiting {
    std::string name;
    Done done;
  };
  using Answers = absl::flat_hash_map<std::string, absl::StatusOr<AnswerBytes>>;

  // Answers some of those who wait. On the loop's thread, as what follows.
  absl::Duration Turn();
  absl::StatusOr<Answers> Look(const std::vector<Waiting>& batch);
  // Drops what was written since the last look.
  void DropTouched(soci::session& sql);
  void Remember(int64_t version, const Answers& answers);

  Store& store_;
  const bool keeps_;
  absl::Mutex mutex_;
  AnswerCache cache_ ABSL_GUARDED_BY(mutex_);
  // Number of the database that the cache is good for; -1: none.
  int64_t version_ ABSL_GUARDED_BY(mutex_) = -1;
  std::vector<Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
  // Last row of `touches` that was looked at; -1: none. Of the loop's thread.
  int64_t touched_ = -1;
  // Stacks are written by who does not tell: nothing is kept meanwhile. Of the loop's thread.
  bool untold_ = false;
  // Last: its thread uses the rest.
  Loop loop_;
};

}  // namespace stackyard::stacks
