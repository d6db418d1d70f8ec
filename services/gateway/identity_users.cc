#include "common/id.h"
#include "common/proto_time.h"
#include "services/gateway/admin_check.h"
#include "services/gateway/binding_store.h"
#include "services/gateway/identity_internal.h"

namespace stackyard::gateway {
namespace {

void CheckUser(const v1::User& user, Violations& violations) {
  CheckText("user.display_name", user.display_name(), 100, violations);
  CheckText("user.email", user.email(), 254, violations);
  if (!user.email().empty() && user.email().find('@') == std::string::npos) {
    violations.Add("user.email", "must be an address");
  }
  if (user.groups_size() > 200) violations.Add("user.groups", "must be at most 200");
  for (const std::string& group : user.groups()) {
    if (!IsGroupName(group)) {
      violations.Add("user.groups", absl::StrCat("`", group, "` ", kGroupNameRule));
    }
  }
}

std::vector<std::string> FieldsThatAreSet(const v1::User& user) {
  std::vector<std::string> fields;
  if (!user.display_name().empty()) fields.push_back("display_name");
  if (!user.email().empty()) fields.push_back("email");
  if (!user.groups().empty()) fields.push_back("groups");
  if (user.suspended()) fields.push_back("suspended");
  return fields;
}

}  // namespace

absl::StatusOr<v1::User> Identity::CreateUser(const Principal& caller,
                                              const v1::CreateUserRequest& request) {
  Violations violations;
  if (!IsUserId(request.user_id())) {
    violations.Add("user_id",
                   "must be 1 to 64 of a-z, 0-9, ., -, _ and @, starting with a letter or digit");
  }
  CheckUser(request.user(), violations);
  RETURN_IF_ERROR(violations.ToStatus());
  const ReplayKey key{caller.user(), "CreateUser", request.request_id()};
  return Change<v1::User>(key, request, [&](soci::session& sql) -> absl::StatusOr<v1::User> {
    if (kUsers.Has(sql, request.user_id())) {
      return Exists(absl::StrCat("users/", request.user_id()));
    }
    v1::User user = request.user();
    user.set_name(absl::StrCat("users/", request.user_id()));
    user.clear_subject();
    user.clear_issuer();
    *user.mutable_create_time() = ToProto(clock_.TimeNow());
    *user.mutable_update_time() = user.create_time();
    user.set_etag(RandomId());
    kUsers.Save(sql, request.user_id(), user);
    return user;
  });
}

absl::StatusOr<v1::User> Identity::GetUser(const v1::GetUserRequest& request) {
  ASSIGN_OR_RETURN(const std::string id, ReadId("name", request.name(), "users"));
  return Read<v1::User>([&](soci::session& sql) -> absl::StatusOr<v1::User> {
    v1::User user;
    RETURN_IF_ERROR(kUsers.Read(sql, id, user));
    return user;
  });
}

absl::StatusOr<v1::ListUsersResponse> Identity::ListUsers(const v1::ListUsersRequest& request) {
  using Response = v1::ListUsersResponse;
  return Read<Response>([&](soci::session& sql) -> absl::StatusOr<Response> {
    Listing<v1::User> listing;
    listing.scope = "users";
    listing.filter_fields = {"name", "display_name", "email", "suspended"};
    listing.fetch = [&](const Range& range) { return kUsers.List<v1::User>(sql, range); };
    listing.key = [](const v1::User& user) { return user.name().substr(6); };
    listing.fields = [](const v1::User& user) {
      return ListFilter::Fields{{"name", user.name()},
                                {"display_name", user.display_name()},
                                {"email", user.email()},
                                {"suspended", user.suspended() ? "true" : "false"}};
    };
    Response response;
    ASSIGN_OR_RETURN(const auto users,
                     listing.Read(request.page_size(), request.page_token(), request.filter(),
                                  request.order_by(), response.mutable_next_page_token()));
    response.mutable_users()->Assign(users.begin(), users.end());
    return response;
  });
}

absl::StatusOr<v1::User> Identity::UpdateUser(const Principal& caller,
                                              const v1::UpdateUserRequest& request) {
  Violations violations;
  const auto mask =
      ReadMask(request.update_mask(), {"display_name", "email", "groups", "suspended"},
               FieldsThatAreSet(request.user()), violations);
  CheckUser(request.user(), violations);
  RETURN_IF_ERROR(violations.ToStatus());
  ASSIGN_OR_RETURN(const std::string id, ReadId("user.name", request.user().name(), "users"));
  const ReplayKey key{caller.user(), "UpdateUser",
                      request.validate_only() ? "" : request.request_id()};
  return Change<v1::User>(key, request, [&](soci::session& sql) -> absl::StatusOr<v1::User> {
    v1::User user;
    RETURN_IF_ERROR(kUsers.Read(sql, id, user));
    RETURN_IF_ERROR(CheckEtag(request.user().etag(), user.etag()));
    const v1::User before = user;
    if (mask.contains("display_name")) user.set_display_name(request.user().display_name());
    if (mask.contains("email")) user.set_email(request.user().email());
    if (mask.contains("groups")) *user.mutable_groups() = request.user().groups();
    if (mask.contains("suspended")) user.set_suspended(request.user().suspended());
    *user.mutable_update_time() = ToProto(clock_.TimeNow());
    user.set_etag(RandomId());
    RETURN_IF_ERROR(KeepingAnAdministrator(sql, [&] {
      kUsers.Save(sql, id, user);
      return absl::OkStatus();
    }));
    if (request.validate_only()) kUsers.Save(sql, id, before);
    return user;
  });
}

absl::Status Identity::DeleteUser(const Principal& caller, const v1::DeleteUserRequest& request) {
  ASSIGN_OR_RETURN(const std::string id, ReadId("name", request.name(), "users"));
  const ReplayKey key{caller.user(), "DeleteUser", request.request_id()};
  return Change<v1::User>(key, request,
                          [&](soci::session& sql) -> absl::StatusOr<v1::User> {
                            v1::User user;
                            RETURN_IF_ERROR(kUsers.Read(sql, id, user));
                            RETURN_IF_ERROR(CheckEtag(request.etag(), user.etag()));
                            RETURN_IF_ERROR(KeepingAnAdministrator(sql, [&] {
                              DeleteBindingsOf(sql, user.name());
                              // Their tokens go with them.
                              kUsers.Delete(sql, id);
                              return absl::OkStatus();
                            }));
                            return user;
                          })
      .status();
}

}  // namespace stackyard::gateway
