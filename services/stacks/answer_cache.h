// Answers that were given before, by name. Bounded by bytes: what was asked for longest ago goes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace stackyard::stacks {

// A message as it goes over the wire.
using AnswerBytes = std::shared_ptr<const std::string>;

// Knows nothing of how long an answer is good. Not safe to share between threads.
class AnswerCache {
 public:
  explicit AnswerCache(int64_t most_bytes) : most_bytes_(most_bytes) {}

  // Null when there is none.
  AnswerBytes Find(std::string_view name);
  // An answer that is larger than the cache is not kept.
  void Put(const std::string& name, AnswerBytes answer);
  void Drop(std::string_view name);
  void Clear();

  // What is held, with what holding it takes.
  int64_t bytes() const { return bytes_; }

 private:
  struct Entry {
    std::string name;
    AnswerBytes answer;
  };
  using Entries = std::list<Entry>;

  static int64_t CostOf(const Entry& entry);
  void Erase(Entries::iterator entry);

  const int64_t most_bytes_;
  int64_t bytes_ = 0;
  // Latest first.
  Entries entries_;
  // Keys are the names in `entries_`.
  std::unordered_map<std::string_view, Entries::iterator> places_;
};

}  // namespace stackyard::stacks
