// What a provider says of itself: the schemas of its types, and which of them a run needs.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace stackyard::runner {

// Names of types, `aws_s3_bucket`.
struct ProviderTypes {
  std::set<std::string, std::less<>> managed;
  std::set<std::string, std::less<>> data;
  std::set<std::string, std::less<>> ephemeral;

  void Add(const ProviderTypes& other);
};

// Answers of a provider, serialised, without errors.
struct ProviderSchema {
  // A GetProviderSchema.Response of the plugin protocol, version 5 or 6.
  std::string schemas;
  // A GetResourceIdentitySchemas.Response; absent when the provider does not know the call.
  std::optional<std::string> identities;
};

// The same answer with no other managed, data and ephemeral types than these; what is not about
// types stays as it was, byte by byte, functions and server capabilities included. DATA_LOSS when
// the bytes are no such answer.
absl::StatusOr<std::string> PruneSchemas(std::string_view schemas, const ProviderTypes& types);
// Same for the identities of managed types.
absl::StatusOr<std::string> PruneIdentities(std::string_view identities,
                                            const ProviderTypes& types);

// Whether a provider with this answer must be asked for its schemas before it works. Most need not.
absl::StatusOr<bool> MustAskSchemas(std::string_view schemas);

// Whether an answer of the provider service has an error among its diagnostics, which are its
// fields of this number.
absl::StatusOr<bool> HasErrorDiagnostic(std::string_view response, int diagnostics_field);

// Types of the resources in a state, JSON. Those of all providers: names that a provider does not
// know change nothing. DATA_LOSS when it is no state.
absl::StatusOr<ProviderTypes> TypesInState(std::string_view state);

}  // namespace stackyard::runner
