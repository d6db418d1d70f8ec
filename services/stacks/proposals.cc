#include "services/stacks/proposals.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/id.h"
#include "common/proto_time.h"
#include "services/stacks/catalog_store.h"
#include "services/stacks/flow.h"
#include "services/stacks/labels.h"
#include "services/stacks/operations.h"
#include "services/stacks/parameters.h"
#include "services/stacks/publications.h"

namespace stackyard::stacks {

using google::longrunning::Operation;
using google::protobuf::Struct;
using v1::Revision;
using v1::Stack;
using v1::TemplateVersion;

namespace {

// How far ahead a stack can be booked.
constexpr absl::Duration kFarthestStart = absl::Hours(365 * 24);

}  // namespace

void CheckWords(const Stack& stack, Violations& violations) {
  if (stack.display_name().size() > 100) {
    violations.Add("stack.display_name", "must have at most 100 characters");
  }
  CheckLabels("stack.labels", stack.labels(), violations);
  CheckAnnotations("stack.annotations", stack.annotations(), violations);
  CheckPublished(stack, violations);
}

std::optional<TemplateVersion> FindUsable(soci::session& sql, const std::string& name,
                                          Violations& violations) {
  const auto stored = FindVersionByName(sql, "stack.template_version", name);
  if (!stored.ok()) {
    violations.Add("stack.template_version", ReasonOf(stored.status()) == v1::RESOURCE_NOT_FOUND
                                                 ? absl::StrCat(name, " does not exist")
                                                 : "must look like templates/*/versions/*");
    return std::nullopt;
  }
  if (stored->version.state() != TemplateVersion::ACTIVE) {
    violations.Add("stack.template_version",
                   absl::StrCat(stored->version.name(), " is ",
                                TemplateVersion::State_Name(stored->version.state()),
                                " and not for new revisions"));
    return std::nullopt;
  }
  return stored->version;
}

void CheckLease(const v1::Lease& lease, const v1::LeasePolicy& policy, absl::Time now,
                Violations& violations) {
  if (lease.has_start_time()) {
    const absl::Time start = FromProto(lease.start_time());
    if (start <= now || start > now + kFarthestStart) {
      violations.Add("stack.lease.start_time", "must be in the future, within a year from now");
    }
  }
  if (!lease.has_duration()) return;
  const absl::Duration duration = FromProto(lease.duration());
  if (duration <= absl::ZeroDuration()) {
    violations.Add("stack.lease.duration", "must be more than nothing");
  } else if (duration > FromProto(policy.max_duration())) {
    violations.Add(
        "stack.lease.duration",
        absl::StrCat("must be at most ", absl::FormatDuration(FromProto(policy.max_duration()))));
  }
}

std::optional<TemplateVersion> CheckNewStack(soci::session& sql, const Stack& stack, absl::Time now,
                                             Violations& violations) {
  CheckWords(stack, violations);
  auto version = FindUsable(sql, stack.template_version(), violations);
  if (version) {
    CheckParameters("stack.parameters", version->parameters(), stack.parameters(), violations);
    CheckLease(stack.lease(), version->lease(), now, violations);
  }
  return version;
}

void CheckSuccessor(const v1::Lease& lease, const RevisionRecord& from,
                    const TemplateVersion& version, const Struct& sent, Violations& violations) {
  const auto template_of = [](const std::string& name) {
    return name.substr(0, name.find("/versions/"));
  };
  const std::string before = template_of(from.revision().template_version());
  if (template_of(version.name()) != before) {
    violations.Add("stack.template_version", absl::StrCat("must be a version of ", before,
                                                          ": a stack stays with its template"));
  }
  const absl::Duration length = FromProto(lease.end_time()) - FromProto(lease.start_time());
  const absl::Duration most = FromProto(version.lease().max_duration());
  if (length > most) {
    violations.Add(
        "stack.template_version",
        absl::StrCat(version.name(), " allows leases of at most ", absl::FormatDuration(most),
                     ", and the stack's is ", absl::FormatDuration(length)));
  }
  for (const std::string& name : from.sensitive_parameters()) {
    const auto parameter = std::find_if(version.parameters().begin(), version.parameters().end(),
                                        [&](const auto& one) { return one.name() == name; });
    if (parameter == version.parameters().end() || parameter->sensitive()) continue;
    const auto value = sent.fields().find(name);
    const bool anew = value != sent.fields().end() && value->second.string_value() != kMasked;
    if (anew || from.parameters().fields().count(name) == 0) continue;
    violations.Add(absl::StrCat("stack.parameters.", name),
                   absl::StrCat("is no secret in ", version.name(),
                                " and would be shown: send its value anew"));
  }
}

RevisionRecord MakeRevision(const TemplateVersion& version, const Struct& parameters,
                            const std::string& reason, const std::string& creator) {
  RevisionRecord record;
  *record.mutable_parameters() = parameters;
  for (const auto& parameter : version.parameters()) {
    if (parameter.sensitive()) record.add_sensitive_parameters(parameter.name());
  }
  Revision& revision = *record.mutable_revision();
  revision.set_state(Revision::PROPOSED);
  revision.set_template_version(version.name());
  *revision.mutable_parameters() = Mask(version.parameters(), parameters);
  revision.set_reason(reason);
  revision.set_creator(creator);
  return record;
}

bool TakesUid(const TemplateVersion& version) {
  return std::any_of(version.parameters().begin(), version.parameters().end(),
                     [](const auto& parameter) { return parameter.injected(); });
}

StackRecord MakeStack(const TemplateVersion& version, const v1::CreateStackRequest& request,
                      const std::string& project, const std::string& creator, absl::Time now) {
  StackRecord record;
  Stack& stack = *record.mutable_stack();
  stack.set_name(StackName{project, request.stack_id()}.ToString());
  stack.set_uid(RandomId());
  stack.set_display_name(request.stack().display_name());
  *stack.mutable_labels() = request.stack().labels();
  *stack.mutable_annotations() = request.stack().annotations();
  stack.set_template_version(version.name());
  *stack.mutable_parameters() = Mask(version.parameters(), request.stack().parameters());
  stack.set_state(Stack::PENDING);
  *stack.mutable_state_detail()->mutable_since() = ToProto(now);
  const v1::Lease& asked = request.stack().lease();
  v1::Lease& lease = *stack.mutable_lease();
  *lease.mutable_duration() =
      asked.has_duration() ? asked.duration() : version.lease().default_duration();
  const absl::Time start = asked.has_start_time() ? FromProto(asked.start_time()) : now;
  *lease.mutable_start_time() = ToProto(start);
  *lease.mutable_end_time() = ToProto(start + FromProto(lease.duration()));
  stack.set_creator(creator);
  stack.set_publish_document(request.stack().publish_document());
  *stack.mutable_create_time() = ToProto(now);
  record.set_inject_uid(TakesUid(version));
  return record;
}

Struct MergeParameters(const Struct& current, const v1::UpdateStackRequest& request) {
  const auto& paths = request.update_mask().paths();
  const auto& sent = request.stack().parameters().fields();
  Struct merged = current;
  const bool all = std::find(paths.begin(), paths.end(), "parameters") != paths.end() ||
                   (paths.empty() && request.stack().has_parameters());
  if (all) merged = request.stack().parameters();
  for (const std::string& path : paths) {
    if (!absl::StartsWith(path, "parameters.")) continue;
    const std::string name = path.substr(11);
    const auto found = sent.find(name);
    if (found == sent.end()) {
      merged.mutable_fields()->erase(name);
    } else {
      (*merged.mutable_fields())[name] = found->second;
    }
  }
  for (auto& [name, value] : *merged.mutable_fields()) {
    const auto old = current.fields().find(name);
    if (value.string_value() == kMasked && old != current.fields().end()) value = old->second;
  }
  return merged;
}

absl::StatusOr<Operation> Propose(Change& change, StackRecord& record, RevisionRecord revision,
                                  const std::string& verb) {
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("name", record.stack().name()));
  revision.set_stack_uid(record.stack().uid());
  RETURN_IF_ERROR(InsertRevision(change, name, revision));
  Stack& stack = *record.mutable_stack();
  stack.set_latest_revision(revision.revision().number());
  stack.set_template_version(revision.revision().template_version());
  *stack.mutable_parameters() = revision.revision().parameters();
  ASSIGN_OR_RETURN(const OperationRecord operation,
                   CreateOperation(change, name.project, stack.name(), verb,
                                   OperationMetadata::QUEUED, "waits for a runner to plan"));
  RETURN_IF_ERROR(StartPlan(change, record, operation.operation().name()));
  ASSIGN_OR_RETURN(const OperationRecord started,
                   FindOperation(change.sql, operation.operation().name()));
  return Show(started);
}

}  // namespace stackyard::stacks
