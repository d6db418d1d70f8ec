#include "services/stacks/answer_cache.h"

#include <iterator>
#include <utility>

namespace stackyard::stacks {
namespace {

// Of an entry besides its texts: nodes, blocks and the place in the table.
constexpr int64_t kOverhead = 256;

}  // namespace

int64_t AnswerCache::CostOf(const Entry& entry) {
  return static_cast<int64_t>(entry.name.size() + entry.answer->size()) + kOverhead;
}

AnswerBytes AnswerCache::Find(std::string_view name) {
  const auto found = places_.find(name);
  if (found == places_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->answer;
}

void AnswerCache::Put(const std::string& name, AnswerBytes answer) {
  Drop(name);
  Entry entry{name, std::move(answer)};
  if (CostOf(entry) > most_bytes_) return;
  entries_.push_front(std::move(entry));
  places_.emplace(entries_.front().name, entries_.begin());
  bytes_ += CostOf(entries_.front());
  while (bytes_ > most_bytes_) Erase(std::prev(entries_.end()));
}

void AnswerCache::Drop(std::string_view name) {
  const auto found = places_.find(name);
  if (found != places_.end()) Erase(found->second);
}

void AnswerCache::Clear() {
  places_.clear();
  entries_.clear();
  bytes_ = 0;
}

void AnswerCache::Erase(Entries::iterator entry) {
  bytes_ -= CostOf(*entry);
  places_.erase(entry->name);
  entries_.erase(entry);
}

}  // namespace stackyard::stacks
