// A program that was started by the runner.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "services/runner/file.h"
#include "services/runner/sandbox.h"

namespace stackyard::runner {

// What a command needs of the network.
enum class NetworkUse { kNone, kIfAllowed, kAlways };

struct Command {
  // The first is the path of the program; PATH is not searched.
  std::vector<std::string> argv;
  // `NAME=value`; nothing else is inherited.
  std::vector<std::string> environment;
  // Where it runs.
  std::string directory;
  // Empty: it runs as the runner does.
  std::shared_ptr<const Confinement> confinement;
  // Looked at by who confines it.
  NetworkUse network = NetworkUse::kNone;
  // What it sees besides, likewise; nothing in there can be written.
  std::vector<std::string> sees;
};

// How a process ended.
struct Outcome {
  // 0 to 255; -1 when a signal ended it.
  int exit_code = -1;
  // The signal that ended it; 0: none.
  int signal = 0;
  // It ran past its deadline.
  bool timed_out = false;
  // The sandbox could not be made, and the program never began; standard error says why.
  bool no_sandbox = false;

  bool ok() const { return exit_code == 0; }
  // `ended with exit code 1`, `was ended by signal 9`.
  std::string ToString() const;
};

// Runs in a process group of its own, in a sandbox in a session and a PID namespace of its own,
// with an empty standard input and no descriptors but the standard ones. It is killed, with all
// below it, when the object goes, and when the THREAD that started it ends: start what lives long
// from a thread that lives as long. Not thread-safe, except that the descriptors may be polled
// elsewhere.
class ChildProcess {
 public:
  // INTERNAL when it cannot be started, or joins no control group or user.
  static absl::StatusOr<ChildProcess> Start(const Command& command);

  ChildProcess(ChildProcess&& other) noexcept = default;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess();

  // The program, or bubblewrap.
  pid_t pid() const { return pid_.value; }
  // Readable when the program has ended. Never read from it.
  int pid_fd() const { return pid_fd_.get(); }
  // What it writes; not blocking. Closed by CloseOut and CloseErr.
  int out_fd() const { return out_.get(); }
  int err_fd() const { return err_.get(); }
  void CloseOut() { out_.Close(); }
  void CloseErr() { err_.Close(); }

  // Sends SIGINT to the program alone. False when its sandbox is still being made: try again soon.
  bool Interrupt();
  // Sends SIGKILL to the program and everything below it.
  void Kill();
  // Waits for the end of the program; then kills what it left behind, and waits until that is gone.
  // Once.
  Outcome Wait();

 private:
  // A number that is nobody's after a move.
  struct Pid {
    Pid() = default;
    Pid(Pid&& other) noexcept : value(std::exchange(other.value, -1)) {}
    pid_t value = -1;
  };

  ChildProcess() = default;
  // Reads what bubblewrap tells when it begins.
  void ReadStatus();
  // Opens the program in the sandbox, when it has begun.
  void FindProgram();

  // The program, or bubblewrap.
  Pid pid_;
  Fd pid_fd_;
  Fd out_;
  Fd err_;
  // In a sandbox: bubblewrap's reports, the first process of the namespace, which takes all others
  // with it, and the program.
  Fd status_;
  std::string status_text_;
  pid_t init_ = -1;
  Fd init_fd_;
  Fd program_fd_;
};

}  // namespace stackyard::runner
