// What is used, and who said so: a flag, the environment, a context or nobody.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "cli/config.h"
#include "cli/environment.h"

namespace stackyard::cli {

// Flags of every command, as given; empty where not.
struct GlobalFlags {
  std::string context;
  std::string endpoint;
  std::string ca_file;
  std::string token;
  std::string token_file;
  std::string project;
  std::string output = "table";
  std::string columns;
  bool plaintext = false;
  bool no_color = false;
  bool no_headers = false;
};

struct Setting {
  std::string value;
  // `--project`, `STACKYARD_PROJECT`, `context prod` or `default`; empty where it has no value.
  std::string source;
};

struct Settings {
  // The context in use; its value is empty when none is.
  Setting context;
  Setting endpoint;
  Setting ca_file;
  // `true` or empty.
  Setting plaintext;
  Setting project;
  // Its value is the secret itself; empty when it comes from the login of `context` or nowhere.
  Setting token;
  // The token is that of the login of `context`.
  bool from_login = false;
};

// A flag wins over the environment, the environment over the context. The login of a context is
// used for the endpoint of that context alone. NOT_FOUND when there is no context of that name;
// INVALID_FIELD when a file cannot be read.
absl::StatusOr<Settings> Settle(const GlobalFlags& flags, const Environment& environment,
                                const Config& config);

}  // namespace stackyard::cli
