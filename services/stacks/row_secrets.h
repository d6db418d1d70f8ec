// Secrets inside of rows: sealed when a row is written, and opened where they are used. Each is
// bound to what it belongs to, so that it opens in no other place.
#pragma once

#include "absl/status/status.h"
#include "common/sealer.h"
#include "stackyard/internal/v1/records.pb.h"

namespace stackyard::stacks {

// Seal what is in clear: sensitive parameters, the key of a webhook.
void SealSecrets(const Sealer& sealer, internal::v1::RevisionRecord& record);
void SealSecrets(const Sealer& sealer, internal::v1::Preview& preview);
void SealSecrets(const Sealer& sealer, internal::v1::ChannelRecord& record);

// The reverse. What was written before rows were sealed stays as it is. Errors as of Sealer::Open.
absl::Status OpenSecrets(const Sealer& sealer, internal::v1::RevisionRecord& record);
absl::Status OpenSecrets(const Sealer& sealer, internal::v1::Preview& preview);
absl::Status OpenSecrets(const Sealer& sealer, internal::v1::ChannelRecord& record);

}  // namespace stackyard::stacks
