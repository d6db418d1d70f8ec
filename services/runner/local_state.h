// States as Terraform leaves them in a folder.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stackyard::runner {

inline constexpr std::string_view kCurrentState = "terraform.tfstate";
// The one before the command that went on.
inline constexpr std::string_view kBackupState = "terraform.tfstate.backup";
// Where Terraform puts a state that it could not save: the disk was full, say.
inline constexpr std::string_view kErroredState = "errored.tfstate";

struct LocalState {
  std::string text;
  int64_t serial = 0;
  std::string lineage;
};

// A state that is whole, with a serial of 1 or more.
std::optional<LocalState> ParseLocalState(std::string text);

// The whole state with the highest serial among files of a folder; only those of a lineage, unless
// that is empty. Of equal ones the first.
std::optional<LocalState> NewestState(const std::string& folder,
                                      const std::vector<std::string_view>& files,
                                      const std::string& lineage);

}  // namespace stackyard::runner
