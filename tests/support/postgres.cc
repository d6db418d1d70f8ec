#include "tests/support/postgres.h"

#include <pwd.h>
#include <signal.h>
#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/mutex.h"
#include "common/status_macros.h"
#include "common/work.h"
#include "tests/support/child.h"

namespace stackyard {
namespace {

namespace fs = std::filesystem;

// Folder with initdb and postgres; the newest version wins.
absl::StatusOr<fs::path> FindPostgres() {
  std::vector<fs::path> folders;
  const char* path = getenv("PATH");
  for (const auto& folder : absl::StrSplit(path == nullptr ? "" : path, ':')) {
    folders.emplace_back(std::string(folder));
  }
  std::error_code error;
  std::vector<fs::path> versions;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", error)) {
    versions.push_back(entry.path() / "bin");
  }
  std::sort(versions.rbegin(), versions.rend());
  folders.insert(folders.end(), versions.begin(), versions.end());
  for (const fs::path& folder : folders) {
    if (access((folder / "initdb").c_str(), X_OK) == 0 &&
        access((folder / "postgres").c_str(), X_OK) == 0) {
      return folder;
    }
  }
  return absl::NotFoundError("PostgreSQL is not installed: no initdb on PATH or in /usr/lib");
}

// PostgreSQL refuses to run as root.
std::optional<ChildUser> UnprivilegedUser() {
  if (geteuid() != 0) return std::nullopt;
  for (const char* name : {"postgres", "nobody"}) {
    if (const passwd* entry = getpwnam(name)) return ChildUser{entry->pw_uid, entry->pw_gid};
  }
  return ChildUser{65534, 65534};
}

class PrivateServer {
 public:
  static absl::StatusOr<std::unique_ptr<PrivateServer>> Start() {
    ASSIGN_OR_RETURN(const fs::path bin, FindPostgres());
    std::string pattern = (fs::temp_directory_path() / "stackyard-pg-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) return absl::InternalError("no temporary folder");
    std::unique_ptr<PrivateServer> server(new PrivateServer(pattern));
    RETURN_IF_ERROR(server->Run(bin));
    return server;
  }

  ~PrivateServer() {
    if (child_.pid > 0) {
      // Immediate shutdown: nobody wants the data.
      kill(child_.pid, SIGQUIT);
      waitpid(child_.pid, nullptr, 0);
    }
    drain_.reset();
    if (child_.output >= 0) close(child_.output);
    std::error_code error;
    fs::remove_all(folder_, error);
  }

  absl::StatusOr<std::string> NewDatabase() {
    const std::string name = absl::StrCat("test_", ++databases_);
    try {
      soci::session sql(soci::postgresql, Url("postgres"));
      sql << "CREATE DATABASE " << name;
    } catch (const soci::soci_error& error) {
      return absl::InternalError(error.what());
    }
    return absl::StrCat("postgresql:", Url(name));
  }

 private:
  explicit PrivateServer(fs::path folder) : folder_(std::move(folder)) {}

  std::string Url(const std::string& database) const {
    return absl::StrCat("host=", folder_.string(), " user=stackyard dbname=", database);
  }

  absl::Status Run(const fs::path& bin) {
    const std::optional<ChildUser> user = UnprivilegedUser();
    if (user && chown(folder_.c_str(), user->uid, user->gid) != 0) {
      return absl::InternalError("the temporary folder cannot be given away");
    }
    const std::string data = (folder_ / "data").string();
    ASSIGN_OR_RETURN(const Child init,
                     StartChild((bin / "initdb").string(),
                                {"--pgdata", data, "--username=stackyard", "--auth=trust",
                                 "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"},
                                user));
    const std::string said = ReadUntil(init.output, "");
    close(init.output);
    int result = 0;
    waitpid(init.pid, &result, 0);
    if (result != 0) return absl::InternalError(absl::StrCat("initdb failed: ", said));

    ASSIGN_OR_RETURN(
        child_, StartChild((bin / "postgres").string(),
                           {"-D", data, "-k", folder_.string(), "-c", "listen_addresses=", "-c",
                            "fsync=off", "-c", "shared_buffers=16MB", "-c", "max_connections=200",
                            "-c", "log_min_messages=log", "-c", "log_checkpoints=off"},
                           user));
    const std::string log = ReadUntil(child_.output, "ready to accept connections");
    // Read on, so that the server never waits for a full pipe.
    drain_.emplace("postgres", [fd = child_.output] { ReadUntil(fd, ""); });
    if (log.find("ready to accept connections") == std::string::npos) {
      return absl::InternalError(absl::StrCat("postgres did not start: ", log));
    }
    return absl::OkStatus();
  }

  const fs::path folder_;
  Child child_;
  std::optional<Task> drain_;
  int databases_ = 0;
};

}  // namespace

absl::StatusOr<std::string> NewPostgresDatabase() {
  static absl::Mutex mutex;
  static absl::StatusOr<std::unique_ptr<PrivateServer>> server = absl::UnknownError("not started");
  absl::MutexLock lock(&mutex);
  if (absl::IsUnknown(server.status())) server = PrivateServer::Start();
  if (!server.ok()) return server.status();
  return (*server)->NewDatabase();
}

}  // namespace stackyard
