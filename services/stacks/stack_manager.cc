#include "services/stacks/stack_manager.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/resource_name.h"
#include "common/status.h"
#include "services/stacks/destroy_review.h"
#include "services/stacks/events.h"
#include "services/stacks/flow.h"
#include "services/stacks/labels.h"
#include "services/stacks/listing.h"
#include "services/stacks/operations.h"
#include "services/stacks/parameters.h"
#include "services/stacks/proposals.h"
#include "services/stacks/publications.h"
#include "services/stacks/row_secrets.h"
#include "services/stacks/stack_index.h"
#include "services/stacks/stack_listing.h"

namespace stackyard::stacks {
namespace {

using google::longrunning::Operation;
using google::protobuf::Struct;
using v1::Revision;
using v1::Stack;

// A done operation without a name: the answer to validate_only.
Operation Checked(const Stack& stack) {
  Operation operation;
  operation.set_done(true);
  operation.mutable_response()->PackFrom(stack);
  return operation;
}

// By the index, or by name alone while that is made.
absl::StatusOr<Rows<StackRecord>> ReadStacks(
    soci::session& sql, const std::string& project, const StackQuery& query, const Page& page,
    const std::function<bool(const StackRecord&)>& accept) {
  if (IsIndexed(sql)) return FindStacks(sql, query, page, accept);
  if (!query.by_name() || query.descending) {
    return Error(v1::DEPENDENCY_UNAVAILABLE,
                 "stacks are being indexed: until then they are listed by name only");
  }
  return ListStacks(sql, project, !query.show_deleted, page, accept);
}

}  // namespace

Stack Show(const StackRecord& record) {
  Stack stack = record.stack();
  auto& links = *stack.mutable_links();
  for (const char* part : {"revisions", "runs", "resources", "stateVersions"}) {
    links[part] = absl::StrCat("/v1/", stack.name(), "/", part);
  }
  links["template"] = absl::StrCat("/v1/", stack.template_version());
  if (!stack.operation().empty()) links["operation"] = absl::StrCat("/v1/", stack.operation());
  if (!stack.publish_document().empty()) {
    links["document"] = absl::StrCat("/v1/", stack.publish_document());
  }
  if (!stack.change_request().empty()) {
    links["changeRequest"] = absl::StrCat("/v1/", stack.change_request());
  }
  return stack;
}

absl::StatusOr<StateFile> StackManager::LoadState(const StackRecord& record) {
  if (record.state_digest().empty()) return StateFile{};
  ASSIGN_OR_RETURN(const std::string text, blobs_.Get(record.state_digest()));
  return ParseState(text);
}

absl::StatusOr<Operation> StackManager::Create(const Principal& caller,
                                               const v1::CreateStackRequest& request) {
  Violations violations;
  const auto parent = ParseName("parent", request.parent(), "projects/*");
  if (!parent.ok()) violations.Add("parent", "must look like projects/*");
  if (!IsResourceId(request.stack_id())) violations.Add("stack_id", kResourceIdRule);
  if (request.reason().size() > 1000) violations.Add("reason", "must have at most 1000 characters");
  CheckWords(request.stack(), violations);
  return store_.WriteValue<Operation>(
      ActorOf(caller), [&](Change& change) -> absl::StatusOr<Operation> {
        Operation operation;
        RETURN_IF_ERROR(Once(
            change, request.validate_only() ? "" : request.request_id(), "CreateStack", request,
            operation, [&]() -> absl::Status {
              Violations faults = violations;
              const auto version =
                  FindUsable(change.sql, request.stack().template_version(), faults);
              if (version) {
                CheckParameters("stack.parameters", version->parameters(),
                                request.stack().parameters(), faults);
                CheckLease(request.stack().lease(), version->lease(), change.now, faults);
              }
              RETURN_IF_ERROR(faults.ToStatus());
              const std::string& project = (*parent)[0];
              RETURN_IF_ERROR(FindProject(change.sql, project).status());

              StackRecord record = MakeStack(*version, request, project, caller.user(), change.now);
              const Stack& stack = record.stack();
              if (request.validate_only()) {
                const auto existing = FindStack(change.sql, {project, request.stack_id()});
                if (existing.ok() && HoldsName(existing->stack().state())) {
                  return Exists(stack.name());
                }
                RETURN_IF_ERROR(CheckMayPublish(change.sql, caller, stack));
                operation = Checked(stack);
                return absl::OkStatus();
              }
              RETURN_IF_ERROR(InsertStack(change, record));
              v1::Event event;
              event.set_type("stack.created");
              event.set_resource(stack.name());
              event.set_to_state(Stack::State_Name(Stack::PENDING));
              event.set_message(absl::StrCat("asked for from ", version->name()));
              RETURN_IF_ERROR(AppendEvent(change, project, event));
              RETURN_IF_ERROR(KeepName(change, caller, record));
              ASSIGN_OR_RETURN(operation,
                               Propose(change, record,
                                       MakeRevision(*version, request.stack().parameters(),
                                                    request.reason(), caller.user()),
                                       "create"));
              return absl::OkStatus();
            }));
        return operation;
      });
}

absl::StatusOr<Stack> StackManager::Get(const v1::GetStackRequest& request) {
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("name", request.name()));
  return store_.ReadValue<Stack>([&](soci::session& sql) -> absl::StatusOr<Stack> {
    ASSIGN_OR_RETURN(const StackRecord record, FindStack(sql, name));
    return Show(record);
  });
}

absl::StatusOr<v1::ListStacksResponse> StackManager::List(const Principal& caller,
                                                          const v1::ListStacksRequest& request) {
  ASSIGN_OR_RETURN(const auto parts, ParseName("parent", request.parent(), "projects/*"));
  const std::string project = parts[0] == "-" ? "" : parts[0];
  ASSIGN_OR_RETURN(
      const Listing listing,
      ReadListing<Stack>(
          request, absl::StrCat(request.parent(), request.show_deleted(), request.order_by())));
  ASSIGN_OR_RETURN(const StackQuery query,
                   MakeStackQuery(caller, project, request, listing.filter));
  const auto accept = [&](const StackRecord& record) {
    const auto name = StackName::Parse("name", record.stack().name());
    return name.ok() && MaySee(caller, name->project) && listing.filter.Matches(record.stack());
  };
  RETURN_IF_ERROR(CatchUp());
  return store_.ReadValue<v1::ListStacksResponse>(
      [&](soci::session& sql) -> absl::StatusOr<v1::ListStacksResponse> {
        if (!project.empty()) RETURN_IF_ERROR(FindProject(sql, project).status());
        ASSIGN_OR_RETURN(const auto rows, ReadStacks(sql, project, query, listing.page, accept));
        v1::ListStacksResponse response;
        for (const StackRecord& record : rows.items) *response.add_stacks() = Show(record);
        response.set_next_page_token(listing.Token(rows.next));
        return response;
      });
}

absl::Status StackManager::CatchUp() {
  ASSIGN_OR_RETURN(const bool waiting, store_.ReadValue<bool>([](soci::session& sql) {
    return absl::StatusOr<bool>(HasUnindexed(sql));
  }));
  return waiting ? IndexMore(store_).status() : absl::OkStatus();
}

absl::StatusOr<Operation> StackManager::Update(const Principal& caller,
                                               const v1::UpdateStackRequest& request) {
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("stack.name", request.stack().name()));
  google::protobuf::FieldMask words;
  bool replan = request.update_mask().paths().empty() &&
                (request.stack().has_parameters() || !request.stack().template_version().empty());
  for (const std::string& path : request.update_mask().paths()) {
    const bool planned =
        path == "parameters" || path == "template_version" || absl::StartsWith(path, "parameters.");
    replan |= planned;
    if (!planned) words.add_paths(path);
  }
  return store_.WriteValue<Operation>(
      ActorOf(caller), [&](Change& change) -> absl::StatusOr<Operation> {
        Operation operation;
        RETURN_IF_ERROR(Once(
            change, request.validate_only() ? "" : request.request_id(), "UpdateStack", request,
            operation, [&]() -> absl::Status {
              ASSIGN_OR_RETURN(StackRecord record, LockStack(change, name));
              RETURN_IF_ERROR(
                  CheckEtag(request.stack().etag(), record.stack().etag(), record.stack().name()));
              Violations faults;
              CheckWords(request.stack(), faults);
              const std::string published = record.stack().publish_document();
              if (!words.paths().empty() || request.update_mask().paths().empty()) {
                RETURN_IF_ERROR(
                    ApplyMask(request.stack(), words,
                              {"display_name", "labels", "annotations", "publish_document"},
                              *record.mutable_stack()));
              }
              const bool renames = record.stack().publish_document() != published;
              if (!replan) {
                RETURN_IF_ERROR(faults.ToStatus());
                if (renames && request.validate_only()) {
                  RETURN_IF_ERROR(CheckMayPublish(change.sql, caller, record.stack()));
                }
                if (!request.validate_only()) {
                  RETURN_IF_ERROR(SaveStack(change, record));
                  v1::Event event;
                  event.set_type("stack.updated");
                  event.set_resource(record.stack().name());
                  event.set_message("its words were changed");
                  RETURN_IF_ERROR(AppendEvent(change, name.project, event));
                  if (renames) RETURN_IF_ERROR(KeepName(change, caller, record));
                }
                operation = Checked(Show(record));
                return absl::OkStatus();
              }
              // From what is there; what came to nothing is not taken up again.
              const bool ready = record.stack().state() == Stack::READY;
              ASSIGN_OR_RETURN(RevisionRecord latest,
                               FindRevision(change.sql, name,
                                            ready ? record.stack().applied_revision()
                                                  : record.stack().latest_revision()));
              RETURN_IF_ERROR(OpenSecrets(change.sealer, latest));
              const std::string wanted = request.stack().template_version().empty()
                                             ? latest.revision().template_version()
                                             : request.stack().template_version();
              const auto version = FindUsable(change.sql, wanted, faults);
              const Struct parameters = MergeParameters(latest.parameters(), request);
              if (version) {
                CheckParameters("stack.parameters", version->parameters(), parameters, faults);
                CheckSuccessor(record.stack().lease(), latest, *version,
                               request.stack().parameters(), faults);
              }
              RETURN_IF_ERROR(faults.ToStatus());
              if (request.validate_only()) {
                RETURN_IF_ERROR(Next(record, PlanAsked{}, change.now).status());
                if (renames) RETURN_IF_ERROR(CheckMayPublish(change.sql, caller, record.stack()));
                operation = Checked(Show(record));
                return absl::OkStatus();
              }
              record.set_inject_uid(TakesUid(*version));
              ASSIGN_OR_RETURN(operation, Propose(change, record,
                                                  MakeRevision(*version, parameters,
                                                               request.reason(), caller.user()),
                                                  "update"));
              if (renames) RETURN_IF_ERROR(KeepName(change, caller, record));
              return absl::OkStatus();
            }));
        return operation;
      });
}

absl::StatusOr<Operation> StackManager::Delete(const Principal& caller,
                                               const v1::DeleteStackRequest& request) {
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("name", request.name()));
  if (request.reason().size() > 1000) {
    return InvalidField("reason", "must have at most 1000 characters");
  }
  return store_.WriteValue<Operation>(
      ActorOf(caller), [&](Change& change) -> absl::StatusOr<Operation> {
        Operation shown;
        RETURN_IF_ERROR(Once(
            change, request.validate_only() ? "" : request.request_id(), "DeleteStack", request,
            shown, [&]() -> absl::Status {
              ASSIGN_OR_RETURN(StackRecord record, LockStack(change, name));
              RETURN_IF_ERROR(
                  CheckEtag(request.etag(), record.stack().etag(), record.stack().name()));
              if (request.validate_only()) {
                RETURN_IF_ERROR(Next(record, DestroyAsked{}, change.now).status());
                shown = Checked(Show(record));
                return absl::OkStatus();
              }
              ASSIGN_OR_RETURN(
                  OperationRecord operation,
                  CreateOperation(change, name.project, record.stack().name(),
                                  request.abandon() ? "abandon" : "delete",
                                  OperationMetadata::QUEUED, "waits for a runner to destroy"));
              const std::string id = operation.operation().name();
              ASSIGN_OR_RETURN(const bool reviewed,
                               IsDestroyReviewed(change, record, request.abandon()));
              RETURN_IF_ERROR(
                  reviewed ? AskDestroy(change, record,
                                        {id, caller.user(), request.reason(), request.abandon()})
                           : StartDestroy(change, record, id, request.abandon()));
              ASSIGN_OR_RETURN(operation, FindOperation(change.sql, id));
              shown = Show(operation);
              return absl::OkStatus();
            }));
        return shown;
      });
}

absl::StatusOr<Operation> StackManager::Rollback(const Principal& caller,
                                                 const v1::RollbackStackRequest& request) {
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("name", request.name()));
  return store_.WriteValue<Operation>(
      ActorOf(caller), [&](Change& change) -> absl::StatusOr<Operation> {
        Operation operation;
        RETURN_IF_ERROR(Once(
            change, request.request_id(), "RollbackStack", request, operation,
            [&]() -> absl::Status {
              ASSIGN_OR_RETURN(StackRecord record, LockStack(change, name));
              RETURN_IF_ERROR(
                  CheckEtag(request.etag(), record.stack().etag(), record.stack().name()));
              ASSIGN_OR_RETURN(RevisionRecord old,
                               FindRevision(change.sql, name, request.revision()));
              if (old.stack_uid() != record.stack().uid()) {
                return InvalidField("revision", "belongs to an earlier stack of this name");
              }
              RETURN_IF_ERROR(OpenSecrets(change.sealer, old));
              ASSIGN_OR_RETURN(const StoredVersion stored,
                               FindVersionByName(change.sql, "template_version",
                                                 old.revision().template_version()));
              RevisionRecord revision =
                  MakeRevision(stored.version, old.parameters(), request.reason(), caller.user());
              revision.mutable_revision()->set_rollback_of(request.revision());
              record.set_inject_uid(TakesUid(stored.version));
              ASSIGN_OR_RETURN(operation, Propose(change, record, revision, "rollback"));
              return absl::OkStatus();
            }));
        return operation;
      });
}

absl::StatusOr<Operation> StackManager::Retry(const Principal& caller,
                                              const v1::RetryStackRequest& request) {
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("name", request.name()));
  return store_.WriteValue<Operation>(
      ActorOf(caller), [&](Change& change) -> absl::StatusOr<Operation> {
        Operation operation;
        RETURN_IF_ERROR(Once(
            change, request.request_id(), "RetryStack", request, operation, [&]() -> absl::Status {
              ASSIGN_OR_RETURN(StackRecord record, LockStack(change, name));
              if (record.stack().state() != Stack::FAILED) {
                return Error(v1::WRONG_STATE,
                             absl::StrCat(record.stack().name(), " is ",
                                          Stack::State_Name(record.stack().state()),
                                          "; only a FAILED stack can be tried again"),
                             {{"resource", record.stack().name()}});
              }
              ASSIGN_OR_RETURN(RevisionRecord latest,
                               FindRevision(change.sql, name, record.stack().latest_revision()));
              RETURN_IF_ERROR(OpenSecrets(change.sealer, latest));
              ASSIGN_OR_RETURN(const StoredVersion stored,
                               FindVersionByName(change.sql, "template_version",
                                                 latest.revision().template_version()));
              RevisionRecord revision = MakeRevision(stored.version, latest.parameters(),
                                                     latest.revision().reason(), caller.user());
              ASSIGN_OR_RETURN(operation, Propose(change, record, revision, "retry"));
              return absl::OkStatus();
            }));
        return operation;
      });
}

absl::StatusOr<Revision> StackManager::GetRevision(const v1::GetRevisionRequest& request) {
  ASSIGN_OR_RETURN(const auto parts,
                   ParseName("name", request.name(), "projects/*/stacks/*/revisions/*"));
  int64_t number = 0;
  if (!absl::SimpleAtoi(parts[2], &number)) {
    return InvalidField("name", "must end in the number of a revision");
  }
  return store_.ReadValue<Revision>([&](soci::session& sql) -> absl::StatusOr<Revision> {
    ASSIGN_OR_RETURN(const RevisionRecord record, FindRevision(sql, {parts[0], parts[1]}, number));
    return record.revision();
  });
}

absl::StatusOr<v1::ListRevisionsResponse> StackManager::ListRevisions(
    const v1::ListRevisionsRequest& request) {
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("parent", request.parent()));
  ASSIGN_OR_RETURN(const Listing listing, ReadListing<Revision>(request, request.parent(),
                                                                request.order_by(), "number desc"));
  return store_.ReadValue<v1::ListRevisionsResponse>(
      [&](soci::session& sql) -> absl::StatusOr<v1::ListRevisionsResponse> {
        RETURN_IF_ERROR(FindStack(sql, name).status());
        ASSIGN_OR_RETURN(auto rows, stacks::ListRevisions(
                                        sql, name, listing.page, [&](const RevisionRecord& record) {
                                          return listing.filter.Matches(record.revision());
                                        }));
        v1::ListRevisionsResponse response;
        for (const RevisionRecord& record : rows.items) {
          *response.add_revisions() = record.revision();
        }
        response.set_next_page_token(listing.Token(rows.next));
        return response;
      });
}

absl::StatusOr<v1::Resource> StackManager::GetResource(const v1::GetResourceRequest& request) {
  ASSIGN_OR_RETURN(const auto parts,
                   ParseName("name", request.name(), "projects/*/stacks/*/resources/**"));
  v1::ListResourcesRequest list;
  list.set_parent(StackName{parts[0], parts[1]}.ToString());
  ASSIGN_OR_RETURN(const StackRecord record, store_.ReadValue<StackRecord>([&](soci::session& sql) {
    return FindStack(sql, {parts[0], parts[1]});
  }));
  ASSIGN_OR_RETURN(StateFile state, LoadState(record));
  for (v1::Resource& resource : state.resources) {
    if (resource.address() == parts[2]) {
      resource.set_name(request.name());
      return resource;
    }
  }
  return NotFound(request.name());
}

absl::StatusOr<v1::ListResourcesResponse> StackManager::ListResources(
    const v1::ListResourcesRequest& request) {
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("parent", request.parent()));
  ASSIGN_OR_RETURN(const Listing listing, ReadListing<v1::Resource>(request, request.parent(),
                                                                    request.order_by(), "address"));
  ASSIGN_OR_RETURN(const StackRecord record, store_.ReadValue<StackRecord>([&](soci::session& sql) {
    return FindStack(sql, name);
  }));
  ASSIGN_OR_RETURN(StateFile state, LoadState(record));
  v1::ListResourcesResponse response;
  std::string last;
  for (v1::Resource& resource : state.resources) {
    if (resource.address() <= listing.page.after || !listing.filter.Matches(resource)) continue;
    if (response.resources_size() == listing.page.size) {
      response.set_next_page_token(listing.Token(last));
      break;
    }
    last = resource.address();
    resource.set_name(absl::StrCat(name.ToString(), "/resources/", resource.address()));
    *response.add_resources() = std::move(resource);
  }
  return response;
}

absl::StatusOr<v1::RevealOutputsResponse> StackManager::RevealOutputs(
    const Principal& caller, const v1::RevealOutputsRequest& request) {
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("name", request.name()));
  ASSIGN_OR_RETURN(const StackRecord record,
                   store_.WriteValue<StackRecord>(
                       ActorOf(caller), [&](Change& change) -> absl::StatusOr<StackRecord> {
                         ASSIGN_OR_RETURN(StackRecord found, FindStack(change.sql, name));
                         if (found.stack().state() == Stack::DESTROYED) {
                           return Error(v1::WRONG_STATE,
                                        absl::StrCat(found.stack().name(), " is DESTROYED"));
                         }
                         v1::Event event;
                         event.set_type("stack.outputsRevealed");
                         event.set_resource(found.stack().name());
                         event.set_message("its outputs were read in clear");
                         RETURN_IF_ERROR(AppendEvent(change, name.project, event));
                         return found;
                       }));
  ASSIGN_OR_RETURN(const StateFile state, LoadState(record));
  v1::RevealOutputsResponse response;
  for (const auto& [output, value] : state.outputs) (*response.mutable_outputs())[output] = value;
  return response;
}

}  // namespace stackyard::stacks
