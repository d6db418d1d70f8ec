#include "services/runner/run_confinement.h"

#include <utility>
#include <vector>

namespace stackyard::runner {

Command ConfineToRun(const Box& box, const RunFolder& folder, const std::string& modules,
                     bool network, Command command) {
  // The module's folder is bound for itself so that nobody in the box can put another in its place.
  const std::vector<Bind> folders = {{modules},
                                     {folder.path(), /*writable=*/true},
                                     {folder.module(), /*writable=*/true},
                                     {folder.tmp(), /*writable=*/true}};
  const bool reaches = command.network == NetworkUse::kAlways ||
                       (command.network == NetworkUse::kIfAllowed && network);
  return box.Confine(std::move(command), folders, reaches);
}

}  // namespace stackyard::runner
