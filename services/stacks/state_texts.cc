#include "services/stacks/state_texts.h"

#include <set>

#include "common/status.h"
#include "services/stacks/run_store.h"

namespace stackyard::stacks {

absl::StatusOr<StateTexts> StateTexts::OfRuns(Store& store, BlobStore& blobs,
                                              const std::vector<std::string>& runs) {
  std::set<std::string> digests;
  RETURN_IF_ERROR(store.Read([&](soci::session& sql) {
    for (const std::string& one : runs) {
      const auto name = RunName::Parse("run", one);
      const auto run = name.ok() ? FindRun(sql, *name) : name.status();
      if (!run.ok()) continue;
      digests.insert(run->preview().state_digest());
      const auto stack = FindStackByUid(sql, run->stack_uid());
      if (stack.ok()) digests.insert(stack->state_digest());
    }
    return absl::OkStatus();
  }));
  StateTexts texts(blobs);
  for (const std::string& digest : digests) RETURN_IF_ERROR(texts.Read(digest));
  return texts;
}

absl::Status StateTexts::Read(const std::string& digest) {
  if (digest.empty()) return absl::OkStatus();
  auto text = blobs_->Get(digest);
  if (ReasonOf(text.status()) == v1::DEPENDENCY_UNAVAILABLE) return text.status();
  if (text.ok()) Add(digest, *std::move(text));
  return absl::OkStatus();
}

absl::StatusOr<std::string> StateTexts::Get(const std::string& digest) const {
  const auto found = texts_.find(digest);
  return found == texts_.end() ? blobs_->Get(digest) : found->second;
}

absl::StatusOr<StateFile> StateTexts::Current(const StackRecord& record) const {
  if (record.state_digest().empty()) return StateFile{};
  ASSIGN_OR_RETURN(const std::string text, Get(record.state_digest()));
  return ParseState(text);
}

}  // namespace stackyard::stacks
