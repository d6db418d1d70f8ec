#include "services/stacks/state_views.h"

#include "common/resource_name.h"
#include "services/stacks/events.h"
#include "services/stacks/listing.h"
#include "services/stacks/state_store.h"

namespace stackyard::stacks {
namespace {

using v1::StateVersion;

absl::StatusOr<StateVersion> FindByName(soci::session& sql, const std::string& name) {
  ASSIGN_OR_RETURN(const auto parts,
                   ParseName("name", name, "projects/*/stacks/*/stateVersions/*"));
  ASSIGN_OR_RETURN(const StackRecord record, FindStack(sql, {parts[0], parts[1]}));
  absl::StatusOr<StateVersion> found = FindState(sql, record, parts[2]);
  if (ReasonOf(found.status()) != v1::RESOURCE_NOT_FOUND) return found;
  // What an earlier stack of the name had left is found by its digest as well.
  absl::StatusOr<StateVersion> stray = FindStray(sql, {parts[0], parts[1]}, parts[2]);
  return stray.ok() ? stray : found;
}

}  // namespace

absl::StatusOr<StateVersion> StateViews::Get(const v1::GetStateVersionRequest& request) {
  return store_.ReadValue<StateVersion>(
      [&](soci::session& sql) { return FindByName(sql, request.name()); });
}

absl::StatusOr<v1::ListStateVersionsResponse> StateViews::List(
    const v1::ListStateVersionsRequest& request) {
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("parent", request.parent()));
  ASSIGN_OR_RETURN(
      const Listing listing,
      ReadListing<StateVersion>(request, request.parent(), request.order_by(), "serial desc"));
  return store_.ReadValue<v1::ListStateVersionsResponse>(
      [&](soci::session& sql) -> absl::StatusOr<v1::ListStateVersionsResponse> {
        ASSIGN_OR_RETURN(const StackRecord record, FindStack(sql, name));
        ASSIGN_OR_RETURN(auto rows, ListStates(sql, record.stack().uid(), listing.page,
                                               [&](const StateVersion& version) {
                                                 return listing.filter.Matches(version);
                                               }));
        v1::ListStateVersionsResponse response;
        response.mutable_state_versions()->Assign(rows.items.begin(), rows.items.end());
        response.set_next_page_token(listing.Token(rows.next));
        return response;
      });
}

absl::StatusOr<v1::DownloadStateResponse> StateViews::Download(
    const Principal& caller, const v1::DownloadStateRequest& request) {
  v1::DownloadStateResponse response;
  ASSIGN_OR_RETURN(
      *response.mutable_version(),
      store_.WriteValue<StateVersion>(
          ActorOf(caller), [&](Change& change) -> absl::StatusOr<StateVersion> {
            ASSIGN_OR_RETURN(const StateVersion version, FindByName(change.sql, request.name()));
            ASSIGN_OR_RETURN(const auto parts, ParseName("name", version.name(),
                                                         "projects/*/stacks/*/stateVersions/*"));
            v1::Event event;
            event.set_type("state.downloaded");
            event.set_resource(version.name());
            event.set_message("the state was read, secrets included");
            RETURN_IF_ERROR(AppendEvent(change, parts[0], event));
            return version;
          }));
  ASSIGN_OR_RETURN(*response.mutable_state(), blobs_.Get(response.version().digest()));
  return response;
}

}  // namespace stackyard::stacks
