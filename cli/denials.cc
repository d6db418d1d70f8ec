#include <memory>

#include "absl/strings/str_join.h"
#include "cli/commands.h"
#include "cli/names.h"
#include "cli/text.h"
#include "common/status_macros.h"
#include "stackyard/v1/identity.pb.h"

namespace stackyard::cli {
namespace {

absl::Status List(Context& context, const std::string& filter, int64_t limit) {
  v1::ListDenialsRequest request;
  request.set_filter(filter);
  v1::ListDenialsResponse response;
  RETURN_IF_ERROR(context.client().List("IdentityService/ListDenials", request, &response,
                                        static_cast<int>(limit)));
  return context.output().Write(response, [&] {
    Table table(
        {"TIME", "USER", "METHOD", "RESOURCE", "PERMISSION", "REASON", "+PEER", "+REQUEST"});
    for (const v1::Denial& denial : response.denials()) {
      table.Add({TimeText(denial.create_time()), LastPart(denial.user()), LastPart(denial.method()),
                 Cut(denial.resource(), 60), denial.permission(), denial.reason(), denial.peer(),
                 denial.request_id()});
    }
    context.output().Show(table);
  });
}

absl::Status ListProviders(Context& context) {
  return context.Show<v1::ListIdentityProvidersResponse>(
      "IdentityService/ListIdentityProviders", v1::ListIdentityProvidersRequest(),
      [&](const v1::ListIdentityProvidersResponse& response) {
        Table table({"ISSUER", "TITLE", "CLIENT", "SCOPES"});
        for (const v1::IdentityProvider& provider : response.identity_providers()) {
          table.Add({provider.issuer(), provider.display_name(), provider.client_id(),
                     absl::StrJoin(provider.scopes(), " ")});
        }
        context.output().Show(table);
      });
}

}  // namespace

void AddDenialCommands(Command root, Context& context) {
  const auto filter = std::make_shared<std::string>();
  const auto limit = std::make_shared<int64_t>(50);
  root.Sub("denials", "Calls that were refused")
      .Sub("list", "List refused calls, newest first")
      .Option("--filter", filter.get(), "EXPRESSION", "AIP-160 filter, like 'user = \"users/ann\"'")
      .Option("--limit", limit.get(), "COUNT", "How many; 0 for all [50]")
      .Run([&context, filter, limit] { return List(context, *filter, *limit); });
  root.Sub("identity-providers", "Who vouches for people")
      .Sub("list", "List where people sign in")
      .Run([&context] { return ListProviders(context); });
}

}  // namespace stackyard::cli
