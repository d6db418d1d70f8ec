#include "services/runner/run_confinement.h"

#include <utility>

namespace stackyard::runner {

std::vector<Bind> FoldersOfRun(const RunFolder& folder, const std::string& modules) {
  // The module's folder is bound for itself so that nobody in the box can put another in its place.
  return {{modules},
          {folder.path(), /*writable=*/true},
          {folder.module(), /*writable=*/true},
          {folder.tmp(), /*writable=*/true}};
}

Command ConfineToRun(const Box& box, const RunFolder& folder, const std::string& modules,
                     bool network, Command command) {
  const bool reaches = command.network == NetworkUse::kAlways ||
                       (command.network == NetworkUse::kIfAllowed && network);
  std::vector<Bind> folders = FoldersOfRun(folder, modules);
  for (const std::string& path : command.sees) folders.push_back({path});
  return box.Confine(std::move(command), folders, reaches);
}

}  // namespace stackyard::runner
