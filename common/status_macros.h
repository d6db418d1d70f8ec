// The two macros of newer abseil, which Debian's lacks.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define STACKYARD_CONCAT_INNER(a, b) a##b
#define STACKYARD_CONCAT(a, b) STACKYARD_CONCAT_INNER(a, b)

// Returns from the function when `expr` is an error.
#define RETURN_IF_ERROR(expr)                            \
  do {                                                   \
    absl::Status stackyard_status = (expr);              \
    if (!stackyard_status.ok()) return stackyard_status; \
  } while (false)

#define STACKYARD_ASSIGN_OR_RETURN(tmp, lhs, expr) \
  auto tmp = (expr);                               \
  if (!tmp.ok()) return std::move(tmp).status();   \
  lhs = *std::move(tmp)

// Assigns the value of a StatusOr, or returns its error.
#define ASSIGN_OR_RETURN(lhs, expr) \
  STACKYARD_ASSIGN_OR_RETURN(STACKYARD_CONCAT(stackyard_status_or_, __LINE__), lhs, expr)
