#include "common/build_info.h"

namespace stackyard {

// A file of its own, so that a new commit compiles nothing else anew.
std::string_view BuildCommit() { return STACKYARD_COMMIT; }

}  // namespace stackyard
