#include "services/runner/standby.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/status_macros.h"

namespace stackyard::runner {
namespace {

constexpr char kVariable[] = "TF_CLI_CONFIG_FILE=";
constexpr absl::Duration kPatience = absl::Seconds(20);

bool IsConfig(const std::string& variable) { return absl::StartsWith(variable, kVariable); }

// Waits until a process has read all that is in a pipe; false when it ends before, or takes too
// long.
bool WaitUntilRead(int pipe, const ChildProcess& child) {
  const absl::Time deadline = absl::Now() + kPatience;
  while (true) {
    int left = 0;
    if (ioctl(pipe, FIONREAD, &left) != 0) return false;
    if (left == 0) return true;
    if (absl::Now() > deadline) return false;
    // Nothing tells of a pipe that was read; a process that ended does.
    pollfd ended{child.pid_fd(), POLLIN, 0};
    const timespec pause{0, 200'000};
    if (ppoll(&ended, 1, &pause, nullptr) > 0) return false;
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Standby>> Standby::Start(const Command& command,
                                                        const std::string& pipe) {
  Command waiting = command;
  const auto variable =
      std::find_if(waiting.environment.begin(), waiting.environment.end(), IsConfig);
  if (variable == waiting.environment.end()) {
    return absl::InvalidArgumentError("the command has no CLI configuration");
  }
  ASSIGN_OR_RETURN(std::string config, ReadFile(variable->substr(sizeof(kVariable) - 1)));
  // Written at one go, and never empty: what has been read is told by what is left.
  if (config.empty()) config = "\n";
  if (mkfifo(pipe.c_str(), 0600) != 0) {
    return absl::InternalError(absl::StrCat("mkfifo ", pipe, ": ", strerror(errno)));
  }
  const uid_t uid = command.confinement ? command.confinement->uid : 0;
  if (uid != 0 && chown(pipe.c_str(), uid, uid) != 0) {
    return absl::InternalError(absl::StrCat("chown ", pipe, ": ", strerror(errno)));
  }
  *variable = absl::StrCat(kVariable, pipe);
  ASSIGN_OR_RETURN(ChildProcess child, ChildProcess::Start(waiting));
  return std::unique_ptr<Standby>(new Standby(command, pipe, std::move(config), std::move(child)));
}

Standby::Standby(Command command, std::string pipe, std::string config, ChildProcess child)
    : command_(std::move(command)),
      pipe_(std::move(pipe)),
      config_(std::move(config)),
      child_(std::move(child)) {}

Standby::~Standby() { unlink(pipe_.c_str()); }

bool Standby::Is(const Command& command) const {
  const bool same_confinement = command.confinement == command_.confinement ||
                                (command.confinement && command_.confinement &&
                                 Same(*command.confinement, *command_.confinement));
  return command.argv == command_.argv && command.environment == command_.environment &&
         command.directory == command_.directory && same_confinement;
}

absl::StatusOr<ChildProcess> Standby::Release() {
  // For both, so that neither opening nor writing waits for the other side, and so that what is
  // written stays while the program opens the file once to see whether it is there.
  const Fd pipe(open(pipe_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!pipe.ok() ||
      write(pipe.get(), config_.data(), config_.size()) != static_cast<ssize_t>(config_.size())) {
    return absl::UnavailableError(absl::StrCat("writing ", pipe_, ": ", strerror(errno)));
  }
  if (!WaitUntilRead(pipe.get(), child_)) {
    return absl::UnavailableError("the program that was started ahead did not go on");
  }
  // The end of this function closes the pipe, which is the end of the file.
  return std::move(child_);
}

}  // namespace stackyard::runner
