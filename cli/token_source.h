// The token of the next call.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "cli/environment.h"

namespace stackyard::cli {

class TokenSource {
 public:
  // One that was given, or none when it is empty.
  TokenSource(const Environment& environment, std::string token)
      : environment_(environment), token_(std::move(token)) {}
  // Of the login of a context.
  static TokenSource OfContext(const Environment& environment, const std::string& context);

  // The token; near its end it is exchanged for a new one first, and what the provider answered is
  // kept. Empty when nobody has logged in. UNAUTHENTICATED when the login has ended.
  absl::StatusOr<std::string> Token();

 private:
  absl::StatusOr<std::string> Fresh();

  const Environment& environment_;
  std::string token_;
  std::string context_;
  // When `token_` is looked at again.
  absl::Time until_ = absl::InfiniteFuture();
};

}  // namespace stackyard::cli
