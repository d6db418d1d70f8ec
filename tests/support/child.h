// Programs that tests start.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace stackyard {

struct ChildUser {
  uid_t uid;
  gid_t gid;
};

struct Child {
  pid_t pid = -1;
  // What it writes to standard output and error.
  int output = -1;
};

// Starts a program, as another user if one is given. The child gets SIGQUIT when the thread that
// called this ends.
absl::StatusOr<Child> StartChild(const std::string& program,
                                 const std::vector<std::string>& arguments,
                                 const std::optional<ChildUser>& user = std::nullopt);

// Reads until `until` was seen or the other end was closed; answers what was read. An empty `until`
// is never seen.
std::string ReadUntil(int fd, std::string_view until);

}  // namespace stackyard
