#include "services/stacks/watch_hub.h"

namespace stackyard::stacks {

WatchHub::WatchHub() : loop_("watch-hub", [this] { return Turn(); }) {}

WatchHub::~WatchHub() { loop_.Stop(); }

void WatchHub::Add(const std::string& name, const std::shared_ptr<Watcher>& watcher) {
  bool drained = false;
  {
    absl::MutexLock lock(&mutex_);
    drained = drained_;
    if (!drained) {
      watchers_.emplace(name, watcher);
      ready_.insert(watcher);
    }
  }
  if (drained) {
    watcher->End();
  } else {
    loop_.Wake();
  }
}

void WatchHub::Remove(const std::string& name, const Watcher* watcher) {
  absl::MutexLock lock(&mutex_);
  const auto range = watchers_.equal_range(name);
  for (auto it = range.first; it != range.second; ++it) {
    if (it->second.get() == watcher) {
      watchers_.erase(it);
      return;
    }
  }
}

void WatchHub::Touch(const std::set<std::string>& names) {
  bool wake = false;
  {
    absl::MutexLock lock(&mutex_);
    if (watchers_.empty()) return;
    for (const std::string& name : names) {
      const auto range = watchers_.equal_range(name);
      for (auto it = range.first; it != range.second; ++it) {
        ready_.insert(it->second);
        wake = true;
      }
    }
  }
  if (wake) loop_.Wake();
}

void WatchHub::Touch(const std::shared_ptr<Watcher>& watcher) {
  {
    absl::MutexLock lock(&mutex_);
    ready_.insert(watcher);
  }
  loop_.Wake();
}

void WatchHub::TouchAll() {
  {
    absl::MutexLock lock(&mutex_);
    for (const auto& [name, watcher] : watchers_) ready_.insert(watcher);
  }
  loop_.Wake();
}

void WatchHub::Drain() {
  std::vector<std::shared_ptr<Watcher>> all;
  {
    absl::MutexLock lock(&mutex_);
    drained_ = true;
    for (const auto& [name, watcher] : watchers_) all.push_back(watcher);
  }
  for (const auto& watcher : all) watcher->End();
}

absl::Duration WatchHub::Turn() {
  std::set<std::shared_ptr<Watcher>> ready;
  {
    absl::MutexLock lock(&mutex_);
    ready.swap(ready_);
  }
  ++turn_;
  for (const auto& watcher : ready) watcher->Poll();
  return absl::InfiniteDuration();
}

}  // namespace stackyard::stacks
