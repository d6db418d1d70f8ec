// Kubeconfig files, and how one is taken into another.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/environment.h"

namespace stackyard::cli {

// The file `have` (empty: none) with the current context of `more` in it, whose cluster, user and
// context are called `name` from now on and take the place of those of that name; all else stays.
// `use` makes it the current context. INVALID_FIELD that names what is at fault when either is no
// kubeconfig.
absl::StatusOr<std::string> MergeKubeconfig(const std::string& path, const std::string& have,
                                            const std::string& more, const std::string& name,
                                            bool use);

// Writes a context into the file of KUBECONFIG, or ~/.kube/config, as kubectl chooses it. What was
// there is kept beside it in `.stackyard.bak`. Answers the path. INVALID_FIELD when another program
// holds the file's lock, or it cannot be written; nothing is changed then.
absl::StatusOr<std::string> AddToKubeconfig(const Environment& environment, const std::string& more,
                                            const std::string& name, bool use);

}  // namespace stackyard::cli
