#include "services/runner/state_watcher.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "common/status.h"

namespace stackyard::runner {
namespace {

using nlohmann::json;

constexpr std::string_view kState = "terraform.tfstate";
constexpr int kGatherMillis = 50;

// Takes all events that are there; answers whether one was about the state.
bool TakeEvents(int inotify) {
  alignas(inotify_event) char buffer[16384];
  bool about_state = false;
  while (true) {
    const ssize_t got = read(inotify, buffer, sizeof(buffer));
    if (got <= 0) return about_state;
    for (const char* at = buffer; at < buffer + got;) {
      const auto* event = reinterpret_cast<const inotify_event*>(at);
      if (event->mask & IN_Q_OVERFLOW) about_state = true;
      if (event->len > 0 && kState == event->name) about_state = true;
      at += sizeof(inotify_event) + event->len;
    }
  }
}

}  // namespace

int64_t StateSerial(const std::string& state) {
  const json parsed = json::parse(state, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object() || !parsed.contains("serial") || !parsed["serial"].is_number_integer()) {
    return 0;
  }
  return parsed["serial"].get<int64_t>();
}

bool IsEmptyState(const std::string& state) {
  if (state.empty()) return true;
  const json parsed = json::parse(state, nullptr, /*allow_exceptions=*/false);
  const auto empty = [&parsed](const char* name) {
    return !parsed.contains(name) || parsed[name].empty();
  };
  return parsed.is_object() && empty("resources") && empty("outputs");
}

StateWatcher::StateWatcher(QueueClient& queue, internal::v1::Lease lease, std::string folder,
                           int64_t serial, RunControl& control)
    : queue_(queue),
      lease_(std::move(lease)),
      folder_(std::move(folder)),
      control_(control),
      serial_(serial) {}

StateWatcher::~StateWatcher() { Finish().IgnoreError(); }

absl::Status StateWatcher::Start() {
  inotify_ = Fd(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  stop_ = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  // Terraform writes the file in place and keeps it open, so IN_CLOSE_WRITE would come too late.
  if (!inotify_.ok() || !stop_.ok() ||
      inotify_add_watch(inotify_.get(), folder_.c_str(), IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO) <
          0) {
    return absl::InternalError(absl::StrCat("inotify: ", strerror(errno)));
  }
  thread_ = std::make_unique<Task>("state-watcher", [this] { Watch(); });
  return absl::OkStatus();
}

void StateWatcher::Watch() {
  pollfd fds[] = {{inotify_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
  while (poll(fds, std::size(fds), -1) >= 0 || errno == EINTR) {
    if (fds[1].revents != 0) return;
    // What is half written is followed by another event.
    if (fds[0].revents == 0 || !TakeEvents(inotify_.get())) continue;
    // More may follow at once, the last one most of all; then Finish sends it.
    if (poll(&fds[1], 1, kGatherMillis) > 0) return;
    TakeEvents(inotify_.get());
    const absl::Status saved = Save(/*last=*/false);
    if (saved.ok()) continue;
    LogWarning("a snapshot of the state was not saved",
               {{"run", lease_.run()}, {"error", std::string(saved.message())}});
    if (control_.abandoned()) return;
  }
}

absl::Status StateWatcher::Save(bool last) {
  absl::StatusOr<std::string> state =
      ReadFileOfRun(absl::StrCat(folder_, "/", std::string(kState)));
  if (absl::IsNotFound(state.status())) return absl::OkStatus();
  if (!state.ok()) return state.status();
  const int64_t serial = StateSerial(*state);
  if (serial == 0) {
    if (!last || state->empty()) return absl::OkStatus();
    return absl::InternalError("Terraform left a state that cannot be read");
  }
  if (serial <= this->serial()) return absl::OkStatus();
  const auto saved = queue_.SaveState(lease_, *std::move(state), control_);
  if (!saved.ok()) {
    if (ReasonOf(saved.status()) == v1::GENERATION_STALE) control_.Abandon(StopReason::kLeaseLost);
    return saved.status();
  }
  absl::MutexLock lock(&mutex_);
  serial_ = serial;
  return absl::OkStatus();
}

absl::Status StateWatcher::Finish() {
  if (thread_ != nullptr) {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(stop_.get(), &one, sizeof(one));
    thread_.reset();
    // A snapshot that was refused for a passing reason is mended by a later one.
    status_ = Save(/*last=*/true);
  }
  return status_;
}

int64_t StateWatcher::serial() const {
  absl::MutexLock lock(&mutex_);
  return serial_;
}

}  // namespace stackyard::runner
