// A provider program that runs and waits for calls, as go-plugin's hosts start it.
#pragma once

#include <grpcpp/channel.h>

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/work.h"
#include "services/runner/child_process.h"

namespace stackyard::runner {

struct ProviderStart {
  // Path of the program.
  std::string program;
  // All that it gets, besides what this file is about.
  std::map<std::string, std::string> environment;
  // Where it runs.
  std::string folder;
  // Where it makes its socket, and temporary files; HOME as well. At most kMaxTmpPath long.
  std::string tmp;
  // Confines the command; empty: it runs as the runner does.
  std::function<Command(Command)> confine;
};

// What go-plugin's servers print when they are ready.
struct PluginHandshake {
  // Of the plugin protocol: 5 or 6.
  int protocol = 0;
  // `unix:/path` or `127.0.0.1:port`.
  std::string target;
};

// FAILED_PRECONDITION for a program that speaks another protocol, or is no plugin.
absl::StatusOr<PluginHandshake> ParseHandshake(std::string_view line);

// It ends with the object, and with the runner. A thread of its own started it, reads what it
// prints and sees it end. Thread-safe.
class ProviderProcess {
 public:
  // Returns when it is ready to be called. FAILED_PRECONDITION when it is no plugin that we can
  // speak to, DEADLINE_EXCEEDED when it is not ready in time, INTERNAL when it cannot be started or
  // ends; its last words are in the message.
  static absl::StatusOr<std::unique_ptr<ProviderProcess>> Start(const ProviderStart& start,
                                                                absl::Duration patience);
  ~ProviderProcess();

  int protocol() const { return handshake_.protocol; }
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  // The program, or what confines it.
  pid_t pid() const;
  // False when it has ended.
  bool alive() const;
  // The last of what it wrote to standard error: why it crashed, perhaps.
  std::string last_words() const;
  // What it wrote until now is nothing to whom it is leased from now on.
  void ForgetWords();

 private:
  class Prints;
  explicit ProviderProcess(const ProviderStart& start);

  void Run(const Command& command);
  // Takes what is there on a descriptor, and keeps so many bytes of it all. False at its end.
  bool ReadSome(int fd, std::string ProviderProcess::*into, size_t keep);
  absl::Status WaitUntilReady(absl::Duration patience);

  const Fd stop_;
  PluginHandshake handshake_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<Prints> prints_;
  mutable absl::Mutex mutex_;
  absl::Status started_ ABSL_GUARDED_BY(mutex_);
  // What it printed until it was ready, and afterwards.
  std::string first_line_ ABSL_GUARDED_BY(mutex_);
  std::string printed_ ABSL_GUARDED_BY(mutex_);
  std::string errors_ ABSL_GUARDED_BY(mutex_);
  pid_t pid_ ABSL_GUARDED_BY(mutex_) = -1;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  // Last: it uses the rest.
  std::unique_ptr<Task> thread_;
};

}  // namespace stackyard::runner
