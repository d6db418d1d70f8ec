#include "services/runner/plugin_memory.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/id.h"

namespace stackyard::runner {
namespace {

std::string KeyOf(std::string_view scope, std::string_view method, std::string_view request) {
  return Sha256(absl::StrCat(Sha256(scope), Sha256(method), Sha256(request)));
}

}  // namespace

std::optional<std::string> PluginMemory::Find(std::string_view scope, std::string_view method,
                                              std::string_view request) {
  const std::string key = KeyOf(scope, method, request);
  absl::MutexLock lock(&mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return std::nullopt;
  answers_.splice(answers_.begin(), answers_, found->second);
  return answers_.front().response;
}

void PluginMemory::Keep(std::string_view scope, std::string_view method, std::string_view request,
                        std::string response) {
  std::string key = KeyOf(scope, method, request);
  absl::MutexLock lock(&mutex_);
  if (response.size() > max_bytes_ || by_key_.count(key) > 0) return;
  bytes_ += response.size();
  answers_.push_front({key, std::move(response)});
  by_key_[std::move(key)] = answers_.begin();
  while (bytes_ > max_bytes_) {
    bytes_ -= answers_.back().response.size();
    by_key_.erase(answers_.back().key);
    answers_.pop_back();
  }
}

}  // namespace stackyard::runner
