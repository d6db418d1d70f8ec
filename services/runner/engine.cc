#include "services/runner/engine.h"

#include <re2/re2.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/status_macros.h"
#include "services/runner/process.h"

namespace stackyard::runner {
namespace fs = std::filesystem;

bool Engine::InitSpeaksJson() const { return major > 1 || minor >= (name == "tofu" ? 8 : 9); }

std::string FindProgram(std::string_view name) {
  const auto usable = [](const fs::path& path) {
    std::error_code error;
    return fs::is_regular_file(path, error) && access(path.c_str(), X_OK) == 0;
  };
  std::error_code error;
  if (name.find('/') != std::string_view::npos) {
    const fs::path path = fs::absolute(fs::path(name), error);
    return usable(path) ? path.string() : "";
  }
  const char* search = getenv("PATH");
  for (const auto folder :
       absl::StrSplit(search == nullptr ? "" : search, ':', absl::SkipEmpty())) {
    const fs::path path = fs::absolute(fs::path(std::string(folder)) / fs::path(name), error);
    if (usable(path)) return path.string();
  }
  return "";
}

absl::StatusOr<std::string> FindEngine(std::string_view wanted) {
  if (!wanted.empty()) {
    std::string path = FindProgram(wanted);
    if (!path.empty()) return path;
    return absl::NotFoundError(
        absl::StrCat("--terraform=", std::string(wanted), " is no program that can be run"));
  }
  for (const char* name : {"terraform", "tofu"}) {
    if (std::string path = FindProgram(name); !path.empty()) return path;
  }
  return absl::NotFoundError(
      "neither terraform nor tofu is on PATH; install one or set --terraform");
}

absl::StatusOr<Engine> ReadEngine(const std::string& path) {
  std::string output;
  const auto append = [&output](std::string_view bytes) { output += bytes; };
  ProcessLimits limits;
  limits.deadline = absl::Now() + absl::Seconds(30);
  limits.grace = absl::Seconds(1);
  ASSIGN_OR_RETURN(const Outcome outcome,
                   RunProcess({{path, "version"}, {"CHECKPOINT_DISABLE=1"}, "/"}, RunControl(),
                              limits, append, append));
  if (!outcome.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("`", path, " version` ", outcome.ToString(), ": ", output.substr(0, 300)));
  }
  return ParseEngine(path, output);
}

absl::StatusOr<Engine> ParseEngine(const std::string& path, std::string_view output) {
  static const RE2 kVersion(R"(\A(Terraform|OpenTofu) v((\d+)\.(\d+)\.\S+))");
  Engine engine;
  engine.path = path;
  std::string product;
  if (!RE2::PartialMatch(re2::StringPiece(output.data(), output.size()), kVersion, &product,
                         &engine.version, &engine.major, &engine.minor)) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is neither terraform nor tofu: `version` prints ",
                     std::string(output.substr(0, 100))));
  }
  engine.name = product == "Terraform" ? "terraform" : "tofu";
  return engine;
}

}  // namespace stackyard::runner
