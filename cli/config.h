// The file of contexts: which servers there are, and which is used.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/environment.h"

namespace stackyard::cli {

// One server, and what is used with it.
struct ServerContext {
  // 1 to 63 of A-Z, a-z, 0-9, `.`, `_` and `-`.
  std::string name;
  // As --endpoint.
  std::string endpoint;
  // PEM file with the authorities that the server is checked by; empty: those of the machine.
  std::string ca_file;
  // Talk without TLS also where it is not this machine.
  bool plaintext = false;
  // Project that is meant when none is named; empty: none.
  std::string project;
};

struct Config {
  // Name of the context in use; empty: none.
  std::string current;
  std::vector<ServerContext> contexts;

  // nullptr when there is none of that name.
  const ServerContext* Find(const std::string& name) const;
  ServerContext* Find(const std::string& name);
};

// `path` is for messages. INVALID_FIELD that names file, line and key for anything unknown.
absl::StatusOr<Config> ParseConfig(const std::string& path, const std::string& text);
std::string ConfigText(const Config& config);

// INVALID_FIELD on `name` when it cannot name a context.
absl::Status CheckContextName(const std::string& name);
// NOT_FOUND that names those there are.
absl::Status NoSuchContext(const Config& config, const std::string& name);

// Where everything of ours lies, `~/.config/stackyard`; empty without a home.
std::string ConfigFolder(const Environment& environment);

// The file; an empty configuration when there is none.
absl::StatusOr<Config> LoadConfig(const Environment& environment);

// Reads, changes and replaces the file, one process at a time. Nothing is written when `edit`
// fails.
absl::Status EditConfig(const Environment& environment,
                        const std::function<absl::Status(Config&)>& edit);

}  // namespace stackyard::cli
