// Rows of notification channels, and of what could not be delivered to them.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/stacks/change.h"
#include "services/stacks/rows.h"
#include "services/stacks/task_store.h"
#include "stackyard/internal/v1/records.pb.h"

namespace stackyard::stacks {

using internal::v1::ChannelRecord;

// As it is shown: without the secret, with its dead letters and its last failure.
absl::StatusOr<v1::NotificationChannel> ShowChannel(soci::session& sql,
                                                    const ChannelRecord& record);

// RESOURCE_NOT_FOUND. The key of a webhook is sealed; OpenSecrets opens it.
absl::StatusOr<ChannelRecord> FindChannel(soci::session& sql, const std::string& name);
absl::StatusOr<ChannelRecord> LockChannel(Change& change, const std::string& name);

// RESOURCE_EXISTS when the name is taken. Both are given the key in clear and seal it.
absl::Status InsertChannel(Change& change, const ChannelRecord& record);
absl::Status SaveChannel(Change& change, const ChannelRecord& record);
// With its dead letters; what is on its way finds no channel and ends.
absl::Status DeleteChannel(Change& change, const std::string& name);
// All of a project.
void DropChannels(Change& change, const std::string& project);

// Channels by name; an empty project means all.
absl::StatusOr<Rows<ChannelRecord>> ListChannels(
    soci::session& sql, const std::string& project, const Page& page,
    const std::function<bool(const ChannelRecord&)>& accept);
// Those of a project that are not disabled.
absl::StatusOr<std::vector<ChannelRecord>> OpenChannels(soci::session& sql,
                                                        const std::string& project);
int64_t CountChannels(soci::session& sql, const std::string& project);

// What the last failure was; empty: none since the last success.
absl::Status SetLastError(Change& change, const std::string& name, const std::string& error);

// Queues the delivery of an event to a channel.
void AddDelivery(Change& change, const ChannelRecord& channel, const std::string& event);
// Keeps a delivery that is given up.
void Bury(Change& change, const TaskRecord& task);
// Queues up to `count` dead letters of a channel again, the oldest first. Answers how many.
absl::StatusOr<int> Revive(Change& change, const std::string& channel, int count);

}  // namespace stackyard::stacks
