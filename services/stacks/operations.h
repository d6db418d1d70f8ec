// Long work as clients see it.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/longrunning/operations.pb.h"
#include "services/stacks/change.h"
#include "services/stacks/rows.h"
#include "stackyard/internal/v1/records.pb.h"

namespace stackyard::stacks {

using internal::v1::OperationRecord;
using v1::OperationMetadata;

// The wire form, metadata packed in.
google::longrunning::Operation Show(const OperationRecord& record);

// Makes an operation. `project` is empty for the catalogue.
absl::StatusOr<OperationRecord> CreateOperation(Change& change, const std::string& project,
                                                const std::string& target, const std::string& verb,
                                                OperationMetadata::Stage stage,
                                                const std::string& message);

// W3C traceparent of the request that asked for it; empty: none.
std::string TraceOfOperation(soci::session& sql, const std::string& name);

absl::StatusOr<OperationRecord> FindOperation(soci::session& sql, const std::string& name);

// Changes the metadata of an operation that is not done; nothing when it is, or `name` is empty.
absl::Status AdvanceOperation(Change& change, const std::string& name,
                              const std::function<void(OperationMetadata&)>& edit);

// Ends an operation: with an error, or with a response. Nothing when it is done already.
absl::Status FinishOperation(Change& change, const std::string& name, const absl::Status& error,
                             const google::protobuf::Message* response);

absl::StatusOr<Rows<OperationRecord>> ListOperations(
    soci::session& sql, const Page& page,
    const std::function<bool(const OperationRecord&)>& accept);

}  // namespace stackyard::stacks
