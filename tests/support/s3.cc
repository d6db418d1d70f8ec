#include "tests/support/s3.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/mutex.h"
#include "common/status_macros.h"
#include "common/work.h"
#include "tests/support/child.h"

namespace stackyard {
namespace {

constexpr char kRunning[] = "Running on http://127.0.0.1:";

absl::StatusOr<std::string> FindMoto() {
  std::vector<std::string> folders = {absl::StrCat(STACKYARD_SOURCE, "/build/tools/py/bin")};
  const char* path = getenv("PATH");
  for (const auto& folder : absl::StrSplit(path == nullptr ? "" : path, ':')) {
    folders.emplace_back(std::string(folder));
  }
  for (const std::string& folder : folders) {
    std::string program = absl::StrCat(folder, "/moto_server");
    if (access(program.c_str(), X_OK) == 0) return program;
  }
  return absl::NotFoundError("moto_server is not installed (make setup)");
}

class Server {
 public:
  static absl::StatusOr<std::unique_ptr<Server>> Start() {
    ASSIGN_OR_RETURN(const std::string program, FindMoto());
    ASSIGN_OR_RETURN(const Child child, StartChild(program, {"-H", "127.0.0.1", "-p", "0"}));
    std::unique_ptr<Server> server(new Server(child));
    std::string said = ReadUntil(child.output, kRunning);
    if (!absl::StrContains(said, kRunning)) {
      return absl::InternalError(absl::StrCat("moto_server did not start: ", said));
    }
    said = said.substr(said.find(kRunning));
    if (!absl::StrContains(said, "\n")) said += ReadUntil(child.output, "\n");
    const size_t begin = said.find("http://");
    server->url_ = said.substr(begin, said.find_first_of(" \r\n", begin) - begin);
    server->drain_.emplace("moto", [fd = child.output] { ReadUntil(fd, ""); });
    return server;
  }
  ~Server() {
    kill(child_.pid, SIGKILL);
    waitpid(child_.pid, nullptr, 0);
    drain_.reset();
    close(child_.output);
  }
  const std::string& url() const { return url_; }

 private:
  explicit Server(const Child& child) : child_(child) {}

  const Child child_;
  std::string url_;
  // Reads on, so that the server never waits for a full pipe.
  std::optional<Task> drain_;
};

}  // namespace

absl::StatusOr<std::string> S3Server() {
  static absl::Mutex mutex;
  static absl::StatusOr<std::unique_ptr<Server>> server = absl::UnknownError("not started");
  absl::MutexLock lock(&mutex);
  if (absl::IsUnknown(server.status())) server = Server::Start();
  if (!server.ok()) return server.status();
  return (*server)->url();
}

}  // namespace stackyard
