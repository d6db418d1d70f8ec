// What fuzzers hold the code to; for their sources alone.
#pragma once

#include <cstdlib>

#include "common/status.h"

namespace stackyard {

// Ends the program, with the input that led here, unless it is so.
inline void Insist(bool holds) {
  if (!holds) std::abort();
}

}  // namespace stackyard
