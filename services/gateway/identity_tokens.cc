#include <algorithm>

#include "common/proto_time.h"
#include "common/resource_name.h"
#include "services/gateway/identity_internal.h"
#include "services/gateway/token.h"
#include "services/gateway/token_store.h"

namespace stackyard::gateway {
namespace {

// `permission` was looked up by the gateway: `everywhere` says that the caller holds it.
absl::Status CheckOwn(const Principal& caller, const std::string& user,
                      std::string_view permission) {
  const std::string name = absl::StrCat("users/", user);
  if (caller.everywhere() || caller.user() == name) return absl::OkStatus();
  return Error(v1::PERMISSION_MISSING,
               absl::StrCat("you lack the permission ", std::string(permission), " on ", name),
               {{"permission", permission}, {"resource", name}});
}

}  // namespace

absl::StatusOr<v1::CreateTokenResponse> Identity::CreateToken(
    const Principal& caller, const v1::CreateTokenRequest& request) {
  ASSIGN_OR_RETURN(const std::string user, ReadId("parent", request.parent(), "users"));
  RETURN_IF_ERROR(CheckOwn(caller, user, "tokens.create"));
  const absl::Time now = clock_.TimeNow();
  absl::Time expire_time = absl::InfiniteFuture();
  Violations violations;
  CheckText("token.display_name", request.token().display_name(), 100, violations);
  for (const std::string& scope : request.token().scopes()) {
    if (!IsKnownPattern(scope, permissions_)) {
      violations.Add("token.scopes", absl::StrCat("`", scope, "` is no permission"));
    }
  }
  if (request.has_ttl()) {
    if (request.token().has_expire_time()) violations.Add("ttl", "excludes token.expire_time");
    expire_time = now + FromProto(request.ttl());
    if (expire_time <= now) violations.Add("ttl", "must be more than 0");
  } else if (request.token().has_expire_time()) {
    expire_time = FromProto(request.token().expire_time());
    if (expire_time <= now) violations.Add("token.expire_time", "must lie ahead");
  }
  RETURN_IF_ERROR(violations.ToStatus());

  // A narrowed token makes tokens that are at least as narrow, or it would not be narrowed.
  if (!caller.scopes().empty()) {
    const PermissionSet own({caller.scopes().begin(), caller.scopes().end()});
    const auto& scopes = request.token().scopes();
    if (scopes.empty() || !std::all_of(scopes.begin(), scopes.end(),
                                       [&](const auto& scope) { return own.Covers(scope); })) {
      return Error(v1::PERMISSION_MISSING,
                   "a token that is narrowed to scopes can only make tokens within them",
                   {{"permission", "tokens.create"}, {"resource", request.parent()}});
    }
  }

  const NewToken made = MakeToken();
  v1::CreateTokenResponse response;
  v1::Token& token = *response.mutable_token();
  token.set_name(absl::StrCat("users/", user, "/tokens/", made.id));
  token.set_display_name(request.token().display_name());
  *token.mutable_scopes() = request.token().scopes();
  if (expire_time != absl::InfiniteFuture()) {
    *token.mutable_expire_time() = stackyard::ToProto(expire_time);
  }
  *token.mutable_create_time() = stackyard::ToProto(now);
  const auto created =
      Change<v1::Token>({}, request, [&](soci::session& sql) -> absl::StatusOr<v1::Token> {
        v1::User owner;
        RETURN_IF_ERROR(kUsers.Read(sql, user, owner));
        InsertToken(sql, user, made.id, made.hash, token);
        return token;
      });
  if (!created.ok()) return created.status();
  response.set_secret(made.text);
  return response;
}

absl::StatusOr<v1::Token> Identity::GetToken(const Principal& caller,
                                             const v1::GetTokenRequest& request) {
  ASSIGN_OR_RETURN(const std::vector<std::string> ids,
                   ParseName("name", request.name(), "users/*/tokens/*"));
  RETURN_IF_ERROR(CheckOwn(caller, ids[0], "tokens.list"));
  return Read<v1::Token>([&](soci::session& sql) { return ReadToken(sql, ids[0], ids[1]); });
}

absl::StatusOr<v1::ListTokensResponse> Identity::ListTokens(const Principal& caller,
                                                            const v1::ListTokensRequest& request) {
  ASSIGN_OR_RETURN(const std::string user, ReadId("parent", request.parent(), "users"));
  RETURN_IF_ERROR(CheckOwn(caller, user, "tokens.list"));
  using Response = v1::ListTokensResponse;
  return Read<Response>([&](soci::session& sql) -> absl::StatusOr<Response> {
    v1::User owner;
    RETURN_IF_ERROR(kUsers.Read(sql, user, owner));
    Listing<v1::Token> listing;
    listing.scope = absl::StrCat("tokens|", user);
    listing.filter_fields = {"name", "display_name", "revoked"};
    listing.fetch = [&](const Range& range) { return gateway::ListTokens(sql, user, range); };
    listing.key = [](const v1::Token& token) {
      return token.name().substr(token.name().rfind('/') + 1);
    };
    listing.fields = [](const v1::Token& token) {
      return ListFilter::Fields{{"name", token.name()},
                                {"display_name", token.display_name()},
                                {"revoked", token.revoked() ? "true" : "false"}};
    };
    Response response;
    ASSIGN_OR_RETURN(const auto tokens,
                     listing.Read(request.page_size(), request.page_token(), request.filter(),
                                  request.order_by(), response.mutable_next_page_token()));
    response.mutable_tokens()->Assign(tokens.begin(), tokens.end());
    return response;
  });
}

absl::StatusOr<v1::Token> Identity::RevokeToken(const Principal& caller,
                                                const v1::RevokeTokenRequest& request) {
  ASSIGN_OR_RETURN(const std::vector<std::string> ids,
                   ParseName("name", request.name(), "users/*/tokens/*"));
  RETURN_IF_ERROR(CheckOwn(caller, ids[0], "tokens.revoke"));
  return Change<v1::Token>({}, request, [&](soci::session& sql) -> absl::StatusOr<v1::Token> {
    ASSIGN_OR_RETURN(v1::Token token, ReadToken(sql, ids[0], ids[1]));
    if (token.revoked()) return token;
    token.set_revoked(true);
    SaveToken(sql, ids[1], token);
    return token;
  });
}

}  // namespace stackyard::gateway
