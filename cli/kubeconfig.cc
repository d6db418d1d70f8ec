#include "cli/kubeconfig.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cli/atomic_file.h"
#include "cli/context.h"
#include "cli/yaml_text.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace stackyard::cli {
namespace {

constexpr const char* kLists[] = {"clusters", "users", "contexts"};

std::string Text(const YAML::Node& node) { return node && node.IsScalar() ? node.Scalar() : ""; }

// A map whose lists are lists of named things.
absl::Status Check(const std::string& path, const YAML::Node& file) {
  if (!file.IsMap()) return InvalidField("kubeconfig", absl::StrCat(path, " is no kubeconfig"));
  for (const char* name : kLists) {
    const YAML::Node list = file[name];
    if (!list || list.IsNull()) continue;
    if (!list.IsSequence()) {
      return InvalidField("kubeconfig", absl::StrCat(path, ": ", name, " is no list"));
    }
    for (const auto& one : list) {
      if (!one.IsMap() || Text(one["name"]).empty()) {
        return InvalidField("kubeconfig", absl::StrCat(path, ": one of ", name, " has no name"));
      }
    }
  }
  return absl::OkStatus();
}

// The thing of that name; a null node when there is none.
YAML::Node Find(const YAML::Node& file, const char* list, const std::string& name) {
  for (const auto& one : file[list]) {
    if (Text(one["name"]) == name) return one;
  }
  return YAML::Node();
}

// Puts a thing in the place of the one of its name, or behind the others.
void Put(YAML::Node& file, const char* list, const YAML::Node& thing) {
  if (!file[list] || file[list].IsNull()) file[list] = YAML::Node(YAML::NodeType::Sequence);
  YAML::Node all(YAML::NodeType::Sequence);
  bool placed = false;
  for (const auto& one : file[list]) {
    const bool same = Text(one["name"]) == Text(thing["name"]);
    if (same && placed) continue;
    all.push_back(same ? thing : one);
    placed = placed || same;
  }
  if (!placed) all.push_back(thing);
  file[list] = all;
}

YAML::Node Named(const std::string& name, const char* key, const YAML::Node& value) {
  YAML::Node node;
  node[key] = value;
  node["name"] = name;
  return node;
}

// The file that kubectl would change: the first that has the context, else the first that there is,
// else the last that is named.
std::string Choose(const Environment& environment, const std::string& name) {
  std::vector<std::string> paths =
      absl::StrSplit(environment.Variable("KUBECONFIG"), ':', absl::SkipEmpty());
  if (paths.empty()) return environment.Variable("HOME") + "/.kube/config";
  std::error_code error;
  for (const std::string& path : paths) {
    const auto text = ReadFile("kubeconfig", path);
    if (!text.ok()) continue;
    const auto file = ParseYaml("kubeconfig", path, *text);
    if (file.ok() && Check(path, *file).ok() && !Find(*file, "contexts", name).IsNull())
      return path;
  }
  for (const std::string& path : paths) {
    if (std::filesystem::exists(path, error)) return path;
  }
  return paths.back();
}

// The lock that kubectl takes.
class KubectlLock {
 public:
  static absl::StatusOr<KubectlLock> Take(const std::string& file) {
    const std::string path = file + ".lock";
    const int fd = open(path.c_str(), O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
      return InvalidField("kubeconfig", errno == EEXIST
                                            ? absl::StrCat("another program changes ", file,
                                                           "; if none does, delete ", path)
                                            : absl::StrCat("cannot write ", path));
    }
    close(fd);
    return KubectlLock(path);
  }
  KubectlLock(KubectlLock&& other) noexcept : path_(std::move(other.path_)) { other.path_.clear(); }
  KubectlLock(const KubectlLock&) = delete;
  KubectlLock& operator=(const KubectlLock&) = delete;
  ~KubectlLock() {
    if (!path_.empty()) unlink(path_.c_str());
  }

 private:
  explicit KubectlLock(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace

absl::StatusOr<std::string> MergeKubeconfig(const std::string& path, const std::string& have,
                                            const std::string& more, const std::string& name,
                                            bool use) {
  ASSIGN_OR_RETURN(YAML::Node file, ParseYaml("kubeconfig", path, have));
  if (file.IsNull()) {
    file = YAML::Node(YAML::NodeType::Map);
    file["apiVersion"] = "v1";
    file["kind"] = "Config";
  }
  RETURN_IF_ERROR(Check(path, file));
  const std::string source = "the stack's kubeconfig";
  ASSIGN_OR_RETURN(const YAML::Node added, ParseYaml("kubeconfig", source, more));
  RETURN_IF_ERROR(Check(source, added));

  std::string current = Text(added["current-context"]);
  if (current.empty() && added["contexts"] && added["contexts"].size() == 1) {
    current = Text(added["contexts"][0]["name"]);
  }
  const YAML::Node context = Find(added, "contexts", current);
  if (context.IsNull() || !context["context"].IsMap()) {
    return InvalidField("kubeconfig", source + " has no current context");
  }
  const YAML::Node cluster = Find(added, "clusters", Text(context["context"]["cluster"]));
  const YAML::Node user = Find(added, "users", Text(context["context"]["user"]));
  if (cluster.IsNull()) {
    return InvalidField("kubeconfig", source + " lacks the cluster of its context");
  }
  if (user.IsNull()) return InvalidField("kubeconfig", source + " lacks the user of its context");

  YAML::Node inner = YAML::Clone(context["context"]);
  inner["cluster"] = name;
  inner["user"] = name;
  Put(file, "clusters", Named(name, "cluster", cluster["cluster"]));
  Put(file, "users", Named(name, "user", user["user"]));
  Put(file, "contexts", Named(name, "context", inner));
  if (use) file["current-context"] = name;
  return YamlText(file);
}

absl::StatusOr<std::string> AddToKubeconfig(const Environment& environment, const std::string& more,
                                            const std::string& name, bool use) {
  const std::string path = Choose(environment, name);
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (!folder.empty() && !std::filesystem::exists(folder, error)) {
    RETURN_IF_ERROR(MakePrivateFolder("kubeconfig", folder.string()));
  }
  ASSIGN_OR_RETURN(const KubectlLock lock, KubectlLock::Take(path));
  std::string have;
  int mode = 0600;
  struct stat info = {};
  const bool there = stat(path.c_str(), &info) == 0;
  if (there) {
    mode = info.st_mode & 0777;
    ASSIGN_OR_RETURN(have, ReadFile("kubeconfig", path));
  }
  ASSIGN_OR_RETURN(const std::string merged, MergeKubeconfig(path, have, more, name, use));
  if (merged == have) return path;
  if (there) RETURN_IF_ERROR(ReplaceFile("kubeconfig", path + ".stackyard.bak", have, mode));
  RETURN_IF_ERROR(ReplaceFile("kubeconfig", path, merged, mode));
  return path;
}

}  // namespace stackyard::cli
