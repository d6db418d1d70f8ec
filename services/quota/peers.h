// Who may call what of quota.
#pragma once

#include "common/peer_table.h"

namespace stackyard::quota {

inline PeerTable Peers() {
  return PeerTable(PeerTable::Entries{
      {"stackyard.v1.QuotaService", {"gateway"}},
      {"stackyard.internal.v1.IntrospectionService", {"gateway"}},
      {"stackyard.internal.v1.LedgerService", {"stacks"}},
      {"stackyard.internal.v1.QuotaChangeService", {"stacks"}},
  });
}

}  // namespace stackyard::quota
