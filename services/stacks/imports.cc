#include "services/stacks/imports.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/resource_name.h"
#include "common/status.h"
#include "services/stacks/catalog_store.h"
#include "services/stacks/events.h"
#include "services/stacks/proposals.h"
#include "services/stacks/publications.h"
#include "services/stacks/state_file.h"
#include "services/stacks/state_store.h"

namespace stackyard::stacks {
namespace {

using google::longrunning::Operation;
using v1::Stack;

void AddFaultOf(const absl::Status& status, std::string_view field, Violations& violations) {
  google::rpc::BadRequest faults;
  if (!ReadDetail(status, faults)) return;
  for (const auto& fault : faults.field_violations()) {
    // Meters name the resource that they cannot count.
    violations.Add(field, fault.field() == field
                              ? fault.description()
                              : absl::StrCat(fault.field(), " ", fault.description()));
  }
}

// What can be said about the state alone.
StateFile ReadState(const std::string& text, Violations& violations) {
  auto state = ParseState(text);
  if (!state.ok()) {
    AddFaultOf(state.status(), "state", violations);
    return {};
  }
  if (state->lineage.empty()) violations.Add("state", "has no lineage");
  if (state->serial < 1) violations.Add("state", "has no serial of 1 or more");
  const bool managed =
      std::any_of(state->resources.begin(), state->resources.end(),
                  [](const v1::Resource& resource) { return resource.mode() == "managed"; });
  if (!managed) violations.Add("state", "holds no resources: create a new stack instead");
  return *std::move(state);
}

}  // namespace

absl::StatusOr<Operation> Imports::Start(const Principal& caller,
                                         const v1::ImportStackRequest& request) {
  Violations violations;
  const auto parent = ParseName("parent", request.parent(), "projects/*");
  if (!parent.ok()) violations.Add("parent", "must look like projects/*");
  if (!IsResourceId(request.stack_id())) violations.Add("stack_id", kResourceIdRule);
  if (request.stack().lease().has_start_time()) {
    violations.Add("stack.lease.start_time", "cannot be set: what is imported is there already");
  }
  if (request.reason().size() > 1000) violations.Add("reason", "must have at most 1000 characters");
  const StateFile state = ReadState(request.state(), violations);
  std::string digest;
  if (violations.empty()) {
    ASSIGN_OR_RETURN(digest, blobs_.Put(request.state()));
  }
  v1::CreateStackRequest create;
  *create.mutable_stack() = request.stack();
  create.set_stack_id(request.stack_id());
  return store_.WriteValue<Operation>(
      ActorOf(caller), [&](Change& change) -> absl::StatusOr<Operation> {
        Operation operation;
        RETURN_IF_ERROR(Once(
            change, request.request_id(), "ImportStack", request, operation, [&]() -> absl::Status {
              Violations faults = violations;
              const auto version = CheckNewStack(change.sql, request.stack(), change.now, faults);
              Price price;
              if (version && violations.empty()) {
                auto counted =
                    PriceOfStack(version->meters(),
                                 MeteredResources(state, MeteredAttributes(version->meters())));
                if (counted.ok()) {
                  price = *std::move(counted);
                } else {
                  AddFaultOf(counted.status(), "state", faults);
                }
              }
              RETURN_IF_ERROR(faults.ToStatus());
              const std::string& project = (*parent)[0];
              RETURN_IF_ERROR(FindProject(change.sql, project).status());

              // Imports take turns, so that no two of the same lineage pass the check.
              NextNumber(change, "imports");
              const std::string owner = FindLineage(change.sql, state.lineage);
              if (!owner.empty()) {
                return Error(v1::STATE_CONFLICT,
                             absl::StrCat("the state of ", owner, " has the lineage ",
                                          state.lineage, " already"),
                             {{"lineage", state.lineage}});
              }
              StackRecord record = MakeStack(*version, create, project, caller.user(), change.now);
              record.set_imported(true);
              record.mutable_imported_amounts()->Assign(price.amounts.begin(), price.amounts.end());
              RETURN_IF_ERROR(InsertStack(change, record));
              RETURN_IF_ERROR(AppendState(change, record, state, digest,
                                          static_cast<int64_t>(request.state().size()), ""));
              v1::Event event;
              event.set_type("stack.created");
              event.set_resource(record.stack().name());
              event.set_to_state(Stack::State_Name(Stack::PENDING));
              event.set_message(absl::StrCat(
                  "imported as ", version->name(), " with ", record.stack().resource_count(),
                  record.stack().resource_count() == 1 ? " resource" : " resources"));
              RETURN_IF_ERROR(AppendEvent(change, project, event));
              RETURN_IF_ERROR(KeepName(change, caller, record));
              ASSIGN_OR_RETURN(operation,
                               Propose(change, record,
                                       MakeRevision(*version, request.stack().parameters(),
                                                    request.reason(), caller.user()),
                                       "import"));
              return absl::OkStatus();
            }));
        return operation;
      });
}

void CountImported(const StackRecord& record, Price& price) {
  google::protobuf::RepeatedPtrField<v1::Amount> amounts(price.amounts.begin(),
                                                         price.amounts.end());
  RaiseAmounts(record.imported_amounts(), amounts);
  price.amounts.assign(amounts.begin(), amounts.end());
}

void ForgetImported(StackRecord& record) {
  if (!record.imported()) return;
  record.mutable_stack()->set_resource_count(0);
  record.clear_imported_amounts();
  record.clear_state_digest();
  record.clear_state_lineage();
  record.clear_state_serial();
}

}  // namespace stackyard::stacks
