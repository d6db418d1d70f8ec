// Rows of notices, of who has read them, and of what people want to be told.
//
// A notice is kept once. Who it is addressed to is a row each: somebody, or a role on the notice's
// project. Who holds a role is not known here; whoever reads says which roles they hold.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "services/stacks/change.h"
#include "services/stacks/notice_rules.h"
#include "services/stacks/rows.h"
#include "stackyard/internal/v1/records.pb.h"

namespace stackyard::stacks {

using internal::v1::NotificationSettingsRecord;

// Whose inbox: somebody, and the roles that they hold.
struct Reader {
  // `users/{user}`.
  std::string user;
  // Held everywhere, by id.
  std::vector<std::string> roles;
  // Project and role, by id.
  std::vector<std::pair<std::string, std::string>> project_roles;
};

Reader ReaderOf(const Principal& caller);

// Keeps the notice of an event. Writes nothing when it was kept before.
void InsertNotice(Change& change, const std::string& project, const v1::Event& event,
                  const Notice& notice);

// What is in an inbox, newest first, without the muted types.
absl::StatusOr<Rows<v1::Notification>> ListNotices(
    soci::session& sql, const Reader& reader,
    const google::protobuf::RepeatedPtrField<std::string>& muted, const Page& page,
    const std::function<bool(const v1::Notification&)>& accept);

// Marks notices of the inbox as read; those of others are left alone. Empty: all.
void MarkRead(Change& change, const Reader& reader, const std::vector<int64_t>& ids);

// How many of `ids` are in the inbox.
int64_t CountNotices(soci::session& sql, const Reader& reader, const std::vector<int64_t>& ids);

// Drops what is older. Answers how many notices there were.
int64_t DropNotices(Change& change, absl::Time before);

// What somebody wants to be told; all by default.
absl::StatusOr<NotificationSettingsRecord> FindSettings(soci::session& sql,
                                                        const std::string& user);
void SaveSettings(Change& change, const NotificationSettingsRecord& record);

}  // namespace stackyard::stacks
