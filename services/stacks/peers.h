// Who may call what of stacks.
#pragma once

#include "common/peer_table.h"

namespace stackyard::stacks {

inline PeerTable Peers() {
  return PeerTable(PeerTable::Entries{
      {"externalscaler.ExternalScaler", {"keda"}},
      {"stackyard.v1.CatalogService", {"gateway"}},
      {"stackyard.v1.ChangeRequestService", {"gateway"}},
      {"stackyard.v1.CredentialService", {"gateway"}},
      {"stackyard.v1.DocumentService", {"gateway"}},
      {"stackyard.v1.EventService", {"gateway"}},
      {"stackyard.v1.NotificationService", {"gateway"}},
      {"stackyard.v1.OperationService", {"gateway"}},
      {"stackyard.v1.ProjectService", {"gateway"}},
      {"stackyard.v1.RunService", {"gateway"}},
      {"stackyard.v1.StackService", {"gateway"}},
      {"stackyard.v1.StateService", {"gateway"}},
      {"stackyard.internal.v1.IntrospectionService", {"gateway"}},
      {"stackyard.internal.v1.RunQueueService", {"runner"}},
  });
}

}  // namespace stackyard::stacks
