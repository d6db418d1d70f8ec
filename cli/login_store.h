// What a login left behind, one file for each context, readable for its owner alone.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "cli/atomic_file.h"
#include "cli/environment.h"
#include "cli/oidc.h"

namespace stackyard::cli {

// Either an API token, or what a provider gave.
struct Login {
  std::string token;

  std::string id_token;
  std::string refresh_token;
  ProviderClient provider;
};

class LoginStore {
 public:
  explicit LoginStore(const Environment& environment) : environment_(environment) {}

  // Nothing when nobody has logged in there. INVALID_FIELD when the file is no login of ours.
  absl::StatusOr<std::optional<Login>> Read(const std::string& context) const;
  absl::Status Write(const std::string& context, const Login& login) const;
  // Whether there was one.
  absl::StatusOr<bool> Delete(const std::string& context) const;
  absl::Status Rename(const std::string& from, const std::string& to) const;
  // Held by who changes a login: a refresh token is worth one use.
  absl::StatusOr<FileLock> Lock(const std::string& context) const;

 private:
  std::string Folder() const;
  std::string Path(const std::string& context) const;

  const Environment& environment_;
};

}  // namespace stackyard::cli
