#include "services/runner/provider_process.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/client_callback.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/notification.h"
#include "common/status_macros.h"
#include "services/runner/plugin_proxy.h"

namespace stackyard::runner {
namespace {

// So that nobody starts a provider by hand: it is no secret, and the same for all of them.
constexpr char kCookie[] =
    "TF_PLUGIN_MAGIC_COOKIE=d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";
constexpr size_t kLongestLine = 4096;
constexpr size_t kLastWords = 8192;

Command CommandFor(const ProviderStart& start) {
  std::map<std::string, std::string> environment = start.environment;
  environment["HOME"] = start.tmp;
  environment["TMPDIR"] = start.tmp;
  environment["PLUGIN_UNIX_SOCKET_DIR"] = start.tmp;
  environment["PLUGIN_PROTOCOL_VERSIONS"] = "5,6";
  // A third of the time of a start goes into logs that nobody reads.
  for (const char* name : {"TF_LOG_SDK", "TF_LOG_SDK_PROTO", "TF_LOG_SDK_FRAMEWORK",
                           "TF_LOG_SDK_HELPER_SCHEMA", "TF_LOG_SDK_MUX"}) {
    environment[name] = "off";
  }
  Command command;
  command.argv = {start.program};
  command.environment = {kCookie};
  for (const auto& [name, value] : environment) {
    command.environment.push_back(absl::StrCat(name, "=", value));
  }
  command.directory = start.folder;
  return start.confine ? start.confine(std::move(command)) : command;
}

}  // namespace

// Reads what the program prints when it is a plugin already: go-plugin holds it back until somebody
// asks, and the program with it when that is much.
class ProviderProcess::Prints final
    : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  explicit Prints(const std::shared_ptr<grpc::Channel>& channel) : stub_(channel) {
    stub_.PrepareBidiStreamingCall(&context_, "/plugin.GRPCStdio/StreamStdio", grpc::StubOptions(),
                                   this);
    const grpc::Slice nothing;
    request_ = grpc::ByteBuffer(&nothing, 1);
    StartWriteLast(&request_, grpc::WriteOptions());
    StartRead(&printed_);
    StartCall();
  }
  ~Prints() override {
    context_.TryCancel();
    done_.WaitForNotification();
  }

  void OnReadDone(bool ok) override {
    if (ok) StartRead(&printed_);
  }
  void OnDone(const grpc::Status&) override { done_.Notify(); }

 private:
  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer printed_;
  absl::Notification done_;
};

absl::StatusOr<PluginHandshake> ParseHandshake(std::string_view line) {
  // 1|5|unix|/tmp/plugin123|grpc|: go-plugin's own version, ours, network, address, protocol and
  // a certificate, which we did not ask for.
  const std::vector<std::string> parts = absl::StrSplit(
      absl::StripTrailingAsciiWhitespace(absl::string_view(line.data(), line.size())), '|');
  PluginHandshake handshake;
  if (parts.size() < 5 || parts[0] != "1" || parts[4] != "grpc" ||
      !absl::SimpleAtoi(parts[1], &handshake.protocol) || handshake.protocol < 5 ||
      handshake.protocol > 6) {
    return absl::FailedPreconditionError(
        absl::StrCat("it does not answer as a plugin of protocol 5 or 6: ", std::string(line)));
  }
  if (parts[2] == "unix") {
    handshake.target = "unix:" + parts[3];
  } else if (parts[2] == "tcp") {
    handshake.target = parts[3];
  } else {
    return absl::FailedPreconditionError(absl::StrCat("it listens on a ", parts[2], " network"));
  }
  return handshake;
}

ProviderProcess::ProviderProcess(const ProviderStart& start)
    : stop_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  // The child lives as long as the thread that starts it.
  thread_ =
      std::make_unique<Task>("provider", [this, command = CommandFor(start)] { Run(command); });
}

absl::StatusOr<std::unique_ptr<ProviderProcess>> ProviderProcess::Start(const ProviderStart& start,
                                                                        absl::Duration patience) {
  std::unique_ptr<ProviderProcess> process(new ProviderProcess(start));
  RETURN_IF_ERROR(process->WaitUntilReady(patience));
  process->channel_ = ConnectProvider(process->handshake_.target);
  process->prints_ = std::make_unique<Prints>(process->channel_);
  return process;
}

ProviderProcess::~ProviderProcess() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(stop_.get(), &one, sizeof(one));
  thread_.reset();
}

bool ProviderProcess::ReadSome(int fd, std::string ProviderProcess::*into, size_t keep) {
  std::array<char, 16384> buffer;
  while (true) {
    const ssize_t got = read(fd, buffer.data(), buffer.size());
    if (got <= 0) return got < 0 && (errno == EAGAIN || errno == EINTR);
    absl::MutexLock lock(&mutex_);
    std::string& text = this->*into;
    text.append(buffer.data(), static_cast<size_t>(got));
    if (text.size() <= keep) continue;
    // Of what comes before it is ready the beginning counts, else the end.
    if (into == &ProviderProcess::first_line_) {
      text.resize(keep);
    } else {
      text.erase(0, text.size() - keep);
    }
  }
}

void ProviderProcess::Run(const Command& command) {
  absl::StatusOr<ChildProcess> child = ChildProcess::Start(command);
  {
    absl::MutexLock lock(&mutex_);
    started_ = child.status();
    if (child.ok()) pid_ = child->pid();
    ended_ = !child.ok();
  }
  if (!child.ok()) return;
  bool ready = false;
  while (true) {
    pollfd fds[] = {{stop_.get(), POLLIN, 0},
                    {child->pid_fd(), POLLIN, 0},
                    {child->out_fd(), POLLIN, 0},
                    {child->err_fd(), POLLIN, 0}};
    if (poll(fds, std::size(fds), -1) < 0 && errno != EINTR) break;
    // It is read to the end of its life: a full pipe would stop it.
    if (fds[2].revents != 0 &&
        !ReadSome(child->out_fd(),
                  ready ? &ProviderProcess::printed_ : &ProviderProcess::first_line_,
                  kLongestLine)) {
      child->CloseOut();
    }
    if (fds[3].revents != 0 && !ReadSome(child->err_fd(), &ProviderProcess::errors_, kLastWords))
      child->CloseErr();
    if (!ready) {
      absl::MutexLock lock(&mutex_);
      ready = absl::StrContains(first_line_, '\n');
    }
    if (fds[0].revents != 0 || fds[1].revents != 0) break;
  }
  child->Kill();
  child->Wait();
  if (child->err_fd() >= 0) ReadSome(child->err_fd(), &ProviderProcess::errors_, kLastWords);
  absl::MutexLock lock(&mutex_);
  ended_ = true;
}

absl::Status ProviderProcess::WaitUntilReady(absl::Duration patience) {
  absl::MutexLock lock(&mutex_);
  const auto told = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return ended_ || absl::StrContains(first_line_, '\n');
  };
  if (!mutex_.AwaitWithTimeout(absl::Condition(&told), patience)) {
    return absl::DeadlineExceededError(
        absl::StrCat("it was not ready within ", absl::FormatDuration(patience)));
  }
  RETURN_IF_ERROR(started_);
  if (ended_) {
    return absl::InternalError(absl::StrCat("it ended before it was ready: ", errors_));
  }
  const std::string line = first_line_.substr(0, first_line_.find('\n'));
  ASSIGN_OR_RETURN(handshake_, ParseHandshake(line));
  return absl::OkStatus();
}

pid_t ProviderProcess::pid() const {
  absl::MutexLock lock(&mutex_);
  return pid_;
}

bool ProviderProcess::alive() const {
  absl::MutexLock lock(&mutex_);
  return !ended_;
}

void ProviderProcess::ForgetWords() {
  absl::MutexLock lock(&mutex_);
  errors_.clear();
  printed_.clear();
}

std::string ProviderProcess::last_words() const {
  absl::MutexLock lock(&mutex_);
  return errors_;
}

}  // namespace stackyard::runner
