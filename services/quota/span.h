// An amount for a window: what a reservation holds, or what a grant adds.
#pragma once

#include "services/quota/model.h"

namespace stackyard::quota {

struct Span {
  Window window;
  int64_t amount = 0;

  bool operator==(const Span&) const = default;
};

}  // namespace stackyard::quota
