#include "services/stacks/test_env.h"

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/id.h"
#include "common/sealed_blob_store.h"
#include "services/stacks/catalog_policy.h"
#include "services/stacks/events.h"
#include "services/stacks/schema.h"
#include "services/stacks/seal_keys.h"
#include "services/stacks/test_archive.h"
#include "tests/support/postgres.h"

namespace stackyard::stacks {

using internal::v1::Assignment;
using internal::v1::PlanSummary;

absl::Status FakeLedger::Reserve(const v1::Reservation& reservation) {
  absl::Status status = Admit(reservation);
  if (status.ok() && after_reserve) after_reserve();
  return status;
}

absl::Status FakeLedger::Admit(const v1::Reservation& reservation) {
  absl::MutexLock lock(&mutex_);
  ++reserve_calls_;
  if (down_) return Error(v1::DEPENDENCY_UNAVAILABLE, "quota does not answer");
  if (!refusal_.ok()) return refusal_;
  if (!amounts_refusal_.ok() && !reservation.amounts().empty()) return amounts_refusal_;
  if (!reservation.supersedes().empty() &&
      reservations_[reservation.supersedes()].state() != v1::Reservation::COMMITTED) {
    return Error(v1::WRONG_STATE, "supersedes one that is not committed");
  }
  for (const auto& [name, other] : reservations_) {
    if (!reservation.supersedes().empty() && name != reservation.name() &&
        other.supersedes() == reservation.supersedes() &&
        other.state() == v1::Reservation::PENDING) {
      return Error(v1::WRONG_STATE, "another supersedes it already");
    }
  }
  v1::Reservation& held = reservations_[reservation.name()];
  if (held.name().empty()) {
    held = reservation;
    held.set_state(v1::Reservation::PENDING);
  }
  return absl::OkStatus();
}

absl::Status FakeLedger::Commit(const std::string& name,
                                const google::protobuf::RepeatedPtrField<v1::Amount>& amounts) {
  absl::MutexLock lock(&mutex_);
  if (down_) return Error(v1::DEPENDENCY_UNAVAILABLE, "quota does not answer");
  const auto found = reservations_.find(name);
  if (found == reservations_.end()) return NotFound(name);
  if (found->second.state() == v1::Reservation::RELEASED) return Error(v1::WRONG_STATE, "released");
  found->second.set_state(v1::Reservation::COMMITTED);
  *found->second.mutable_amounts() = amounts;
  if (!found->second.supersedes().empty()) {
    reservations_[found->second.supersedes()].set_state(v1::Reservation::RELEASED);
  }
  return absl::OkStatus();
}

absl::Status FakeLedger::Release(const std::string& name) {
  absl::MutexLock lock(&mutex_);
  if (down_) return Error(v1::DEPENDENCY_UNAVAILABLE, "quota does not answer");
  const auto found = reservations_.find(name);
  if (found == reservations_.end()) return NotFound(name);
  found->second.set_state(v1::Reservation::RELEASED);
  return absl::OkStatus();
}

absl::StatusOr<v1::CheckFitResponse> FakeLedger::CheckFit(const v1::CheckFitRequest& request) {
  absl::MutexLock lock(&mutex_);
  if (down_) return Error(v1::DEPENDENCY_UNAVAILABLE, "quota does not answer");
  if (!refusal_.ok()) return refusal_;
  question_ = request;
  return fit_;
}

absl::StatusOr<std::vector<v1::Reservation>> FakeLedger::ListHeld() {
  std::function<void()> hook;
  {
    absl::MutexLock lock(&mutex_);
    if (down_) return Error(v1::DEPENDENCY_UNAVAILABLE, "quota does not answer");
    hook = on_listed_;
  }
  std::vector<v1::Reservation> held = Held();
  if (hook) hook();
  return held;
}

void FakeLedger::SetFit(const v1::CheckFitResponse& fit) {
  absl::MutexLock lock(&mutex_);
  fit_ = fit;
}

v1::CheckFitRequest FakeLedger::question() const {
  absl::MutexLock lock(&mutex_);
  return question_;
}

void FakeLedger::Put(const v1::Reservation& reservation) {
  absl::MutexLock lock(&mutex_);
  reservations_[reservation.name()] = reservation;
}

void FakeLedger::Lose(const std::string& name) {
  absl::MutexLock lock(&mutex_);
  reservations_.erase(name);
}

void FakeLedger::OnListed(std::function<void()> hook) {
  absl::MutexLock lock(&mutex_);
  on_listed_ = std::move(hook);
}

void FakeLedger::Refuse(const absl::Status& status) {
  absl::MutexLock lock(&mutex_);
  refusal_ = status;
}

void FakeLedger::RefuseAmounts(const absl::Status& status) {
  absl::MutexLock lock(&mutex_);
  amounts_refusal_ = status;
}

void FakeLedger::SetDown(bool down) {
  absl::MutexLock lock(&mutex_);
  down_ = down;
}

std::vector<v1::Reservation> FakeLedger::All() const {
  absl::MutexLock lock(&mutex_);
  std::vector<v1::Reservation> all;
  for (const auto& [name, reservation] : reservations_) all.push_back(reservation);
  return all;
}

std::vector<v1::Reservation> FakeLedger::Held() const {
  std::vector<v1::Reservation> held;
  for (const v1::Reservation& reservation : All()) {
    if (reservation.state() != v1::Reservation::RELEASED) held.push_back(reservation);
  }
  return held;
}

int64_t FakeLedger::Sum(const std::string& metric) const {
  int64_t sum = 0;
  for (const v1::Reservation& reservation : Held()) {
    for (const v1::Amount& amount : reservation.amounts()) {
      if (amount.metric() == metric) sum += amount.value();
    }
  }
  return sum;
}

int FakeLedger::reserve_calls() const {
  absl::MutexLock lock(&mutex_);
  return reserve_calls_;
}

absl::StatusOr<internal::v1::ApplyQuotaChangeResponse> FakeQuotaChanges::Apply(
    const internal::v1::ApplyQuotaChangeRequest& request) {
  absl::MutexLock lock(&mutex_);
  if (!refusal_.ok()) return refusal_;
  internal::v1::ApplyQuotaChangeResponse response;
  response.set_resource("projects/web/quota/limits/" + request.amount().metric());
  response.set_value(request.amount().value());
  if (!request.validate_only()) applied_.emplace(request.name(), request);
  return response;
}

void FakeQuotaChanges::Refuse(const absl::Status& status) {
  absl::MutexLock lock(&mutex_);
  refusal_ = status;
}

std::vector<internal::v1::ApplyQuotaChangeRequest> FakeQuotaChanges::Applied() const {
  absl::MutexLock lock(&mutex_);
  std::vector<internal::v1::ApplyQuotaChangeRequest> applied;
  for (const auto& [name, request] : applied_) applied.push_back(request);
  return applied;
}

Principal Person(const std::string& id, const std::vector<std::string>& roles) {
  Principal principal;
  principal.set_user("users/" + id);
  principal.add_projects("web");
  for (const std::string& role : roles) principal.add_roles(role);
  principal.set_request_id("request-of-" + id);
  return principal;
}

std::string ShopYaml(const std::string& approval) {
  return absl::StrCat(
      "title: Shop\n"
      "parameters: {size: {minimum: 1, maximum: 8}, name: {pattern: \"[a-z]+\"}}\n"
      "meters: [{metric: vcpu, resource_type: aws_instance, attribute: size}]\n"
      "approval: ",
      approval, "\nlease: {default: 72h, maximum: 240h}\n");
}

std::string StateOf(int64_t serial, int count, const std::string& size,
                    const std::string& lineage) {
  std::string instances;
  for (int i = 0; i < count; ++i) {
    absl::StrAppend(&instances, i == 0 ? "" : ",", R"({"index_key":)", i,
                    R"(,"attributes":{"id":"i-)", i, R"(","size":)", size, "}}");
  }
  return absl::StrCat(
      R"({"version":4,"terraform_version":"1.11.4","serial":)", serial, R"(,"lineage":")", lineage,
      R"(","outputs":{"url":{"value":"http://shop"},"token":{"value":"s3cret","sensitive":true}},)"
      R"("resources":[{"mode":"managed","type":"aws_instance","name":"web",)"
      R"("provider":"provider[\"registry.terraform.io/hashicorp/aws\"]","instances":[)",
      instances, "]}]}");
}

PlanSummary PlanOf(const std::string& digest, int create, int total, int first) {
  PlanSummary summary;
  v1::Plan& plan = *summary.mutable_plan();
  plan.set_digest(digest);
  plan.set_to_create(create);
  for (int i = first; i < first + create; ++i) {
    v1::ResourceChange& change = *plan.add_changes();
    change.set_address(absl::StrCat("aws_instance.web[", i, "]"));
    change.set_type("aws_instance");
    change.set_action(v1::ResourceChange::CREATE);
  }
  for (int i = 0; i < total; ++i) {
    auto& resource = *summary.add_resources();
    resource.set_address(absl::StrCat("aws_instance.web[", i, "]"));
    resource.set_type("aws_instance");
    (*resource.mutable_attributes())["size"].set_number_value(2);
  }
  return summary;
}

absl::Status RunFailed(const std::string& message) { return Error(v1::RUN_FAILED, message); }

StacksTest::StacksTest()
    : folder_(
          (std::filesystem::temp_directory_path() / ("stackyard-stacks-" + RandomId())).string()) {}
StacksTest::~StacksTest() { std::filesystem::remove_all(folder_); }

void StacksTest::SetUp() {
  std::filesystem::create_directories(folder_ + "/blobs");
  url_ = "sqlite:" + folder_ + "/stacks.db";
  if (GetParam() == Engine::kPostgres) {
    const auto made = NewPostgresDatabase();
    if (absl::IsNotFound(made.status())) GTEST_SKIP() << made.status();
    ASSERT_TRUE(made.ok()) << made.status();
    url_ = *made;
  }
  auto db = Database::Open(url_, Schema());
  ASSERT_TRUE(db.ok()) << db.status();
  db_ = *std::move(db);
  const auto sealer = OpenSealer(*db_, folder_ + "/seal.key");
  ASSERT_TRUE(sealer.ok()) << sealer.status();
  auto blobs = OpenSealedBlobStore(folder_ + "/blobs", *sealer);
  ASSERT_TRUE(blobs.ok()) << blobs.status();
  blobs_ = *std::move(blobs);
  store_ = std::make_unique<Store>(*db_, clock_, signals_, *sealer);
  catalog_ = std::make_unique<Catalog>(*store_, *blobs_);
  stacks_ = std::make_unique<StackManager>(*store_, *blobs_);
  previews_ = std::make_unique<Previews>(*store_);
  drift_ = std::make_unique<DriftChecks>(*store_);
  imports_ = std::make_unique<Imports>(*store_, *blobs_);
  reviews_ = std::make_unique<Reviews>(*store_);
  runs_ = std::make_unique<RunViews>(*store_);
  operations_ = std::make_unique<OperationViews>(*store_);
  queue_ = std::make_unique<RunQueue>(*store_, *blobs_,
                                      RunQueueOptions{.policy = DefaultCatalogPolicy()});
  saga_ = std::make_unique<Saga>(*store_, ledger_, quota_changes_);
  extensions_ = std::make_unique<Extensions>(*store_, ledger_);
  quota_requests_ = std::make_unique<QuotaRequests>(*store_, quota_changes_);

  v1::CreateProjectRequest project;
  project.set_project_id("web");
  const auto created = catalog_->CreateProject(Person("root", {"admin"}), project);
  ASSERT_TRUE(created.ok()) << created.status();
  Publish("1.0", ShopYaml());
}

void StacksTest::TearDown() {
  if (db_ == nullptr) return;
  // Whatever a test did: the log holds, and nobody has two runs.
  EXPECT_TRUE(Verify().intact()) << Verify().ShortDebugString();
  EXPECT_EQ(Count("SELECT COUNT(*) FROM queue"), Count("SELECT COUNT(DISTINCT busy) FROM queue"));
}

absl::StatusOr<Operation> StacksTest::TryPublish(const std::string& template_id,
                                                 const std::string& version,
                                                 const std::string& yaml) {
  v1::PublishTemplateVersionRequest request;
  request.set_parent("templates/" + template_id);
  request.set_version_id(version);
  request.set_bundle(MakeTar({{"template.yaml", yaml}, {"main.tf", "# module\n"}}));
  return catalog_->Publish(Dan(), request);
}

void StacksTest::CompleteInspection(const Assignment& assignment) {
  internal::v1::CompleteRunRequest request;
  *request.mutable_lease() = assignment.lease();
  auto& module = *request.mutable_module();
  const auto add = [&](const char* name, const char* type) -> v1::Parameter& {
    v1::Parameter& parameter = *module.add_parameters();
    parameter.set_name(name);
    parameter.set_type(type);
    parameter.set_type_json(absl::StrCat("\"", type, "\""));
    return parameter;
  };
  add("name", "string").set_required(true);
  add("size", "number").mutable_default_value()->set_number_value(2);
  add("password", "string").set_sensitive(true);
  add("stackyard_stack_uid", "string").set_injected(true);
  module.add_outputs()->set_name("url");
  module.add_providers("hashicorp/aws ~> 5.0");
  const auto done = queue_->Complete(request);
  ASSERT_TRUE(done.ok()) << done.status();
}

void StacksTest::Publish(const std::string& version, const std::string& yaml) {
  const auto operation = TryPublish("shop", version, yaml);
  ASSERT_TRUE(operation.ok()) << operation.status();
  CompleteInspection(Acquire(Assignment::INSPECT));
  ASSERT_EQ(Version("templates/shop/versions/" + version).state(), v1::TemplateVersion::ACTIVE);
}

v1::TemplateVersion StacksTest::Version(const std::string& name) {
  v1::GetTemplateVersionRequest request;
  request.set_name(name);
  const auto version = catalog_->GetVersion(request);
  EXPECT_TRUE(version.ok()) << version.status();
  return version.ok() ? *version : v1::TemplateVersion();
}

v1::CreateStackRequest StacksTest::CreateRequest(const std::string& id, double size) {
  v1::CreateStackRequest request;
  request.set_parent(kProject);
  request.set_stack_id(id);
  request.set_reason("we need one");
  v1::Stack& stack = *request.mutable_stack();
  stack.set_template_version(kVersion);
  auto& parameters = *stack.mutable_parameters()->mutable_fields();
  parameters["name"].set_string_value("shop");
  parameters["size"].set_number_value(size);
  parameters["password"].set_string_value("hunter2");
  return request;
}

Operation StacksTest::Create(const std::string& id, double size) {
  const auto operation = stacks_->Create(Ann(), CreateRequest(id, size));
  EXPECT_TRUE(operation.ok()) << operation.status();
  return operation.ok() ? *operation : Operation();
}

v1::UpdateStackRequest StacksTest::UpdateRequest(const std::string& id, double size) {
  v1::UpdateStackRequest request;
  request.mutable_stack()->set_name(StackOf(id));
  (*request.mutable_stack()->mutable_parameters()->mutable_fields())["size"].set_number_value(size);
  request.mutable_update_mask()->add_paths("parameters.size");
  return request;
}

v1::Stack StacksTest::GetStack(const std::string& id) {
  v1::GetStackRequest request;
  request.set_name(StackOf(id));
  const auto stack = stacks_->Get(request);
  EXPECT_TRUE(stack.ok()) << stack.status();
  return stack.ok() ? *stack : v1::Stack();
}

v1::Revision StacksTest::GetRevision(int64_t number, const std::string& id) {
  v1::GetRevisionRequest request;
  request.set_name(absl::StrCat(StackOf(id), "/revisions/", number));
  const auto revision = stacks_->GetRevision(request);
  EXPECT_TRUE(revision.ok()) << revision.status();
  return revision.ok() ? *revision : v1::Revision();
}

Operation StacksTest::GetOperation(const std::string& name) {
  const auto operation = operations_->Get(Ann(), name);
  EXPECT_TRUE(operation.ok()) << operation.status();
  return operation.ok() ? *operation : Operation();
}

absl::Status StacksTest::ErrorOf(const std::string& operation) {
  const Operation read = GetOperation(operation);
  return read.done() ? FromProto(read.error()) : absl::InternalError("not done");
}

ChangeRequest StacksTest::GetRequest(const std::string& name) {
  v1::GetChangeRequestRequest request;
  request.set_name(name);
  const auto found = reviews_->Get(request);
  EXPECT_TRUE(found.ok()) << found.status();
  return found.ok() ? *found : ChangeRequest();
}

ChangeRequest StacksTest::PendingRequest(const std::string& id) {
  EXPECT_EQ(GetStack(id).state(), v1::Stack::AWAITING_APPROVAL);
  return GetRequest(GetStack(id).change_request());
}

absl::StatusOr<ChangeRequest> StacksTest::Approve(const Principal& who,
                                                  const ChangeRequest& request) {
  v1::ApproveChangeRequestRequest approval;
  approval.set_name(request.name());
  approval.set_plan_digest(request.plan_digest());
  return reviews_->Approve(who, approval);
}

absl::Status StacksTest::Delete(const std::string& id, bool abandon) {
  v1::DeleteStackRequest request;
  request.set_name(StackOf(id));
  request.set_abandon(abandon);
  return stacks_->Delete(Ann(), request).status();
}

std::optional<Assignment> StacksTest::TryAcquire(const std::string& runner) {
  internal::v1::AcquireRunsRequest request;
  request.set_runner(runner);
  request.set_free_slots(1);
  request.set_engine("terraform 1.11.4");
  const auto response = queue_->Acquire(request, [] { return false; });
  EXPECT_TRUE(response.ok()) << response.status();
  if (!response.ok() || response->assignments().empty()) return std::nullopt;
  return response->assignments(0);
}

Assignment StacksTest::Acquire(Assignment::Work work, const std::string& runner) {
  const auto assignment = TryAcquire(runner);
  EXPECT_TRUE(assignment.has_value()) << "no work";
  if (!assignment) return Assignment();
  EXPECT_EQ(assignment->work(), work) << Assignment::Work_Name(assignment->work());
  return *assignment;
}

absl::Status StacksTest::Complete(const Assignment& assignment, const absl::Status& status) {
  internal::v1::CompleteRunRequest request;
  *request.mutable_lease() = assignment.lease();
  *request.mutable_status() = ToProto(status);
  return queue_->Complete(request).status();
}

absl::Status StacksTest::CompletePlan(const Assignment& assignment, const PlanSummary& plan) {
  internal::v1::CompleteRunRequest request;
  *request.mutable_lease() = assignment.lease();
  *request.mutable_plan() = plan;
  return queue_->Complete(request).status();
}

absl::Status StacksTest::SaveState(const Assignment& assignment, const std::string& state) {
  internal::v1::SaveStateRequest request;
  *request.mutable_lease() = assignment.lease();
  request.set_state(state);
  return queue_->SaveState(request).status();
}

void StacksTest::RunTasks() {
  for (int i = 0; i < 100; ++i) {
    const auto count = saga_->RunDue();
    ASSERT_TRUE(count.ok()) << count.status();
    if (*count == 0) return;
  }
  FAIL() << "there is no end of tasks";
}

void StacksTest::Plan(const PlanSummary& plan) {
  const absl::Status done = CompletePlan(Acquire(Assignment::PLAN), plan);
  ASSERT_TRUE(done.ok()) << done;
  RunTasks();
}

void StacksTest::ApproveAll(const std::string& id) {
  const auto approved = Approve(Dan(), PendingRequest(id));
  ASSERT_TRUE(approved.ok()) << approved.status();
  ASSERT_EQ(GetStack(id).state(), v1::Stack::APPLYING);
}

void StacksTest::Apply(const std::string& state) {
  const Assignment assignment = Acquire(Assignment::APPLY);
  const absl::Status saved = SaveState(assignment, state);
  ASSERT_TRUE(saved.ok()) << saved;
  const absl::Status done = Complete(assignment);
  ASSERT_TRUE(done.ok()) << done;
  RunTasks();
}

void StacksTest::MakeReady(const std::string& id, int count) {
  Create(id);
  Plan(PlanOf("digest-of-" + id, count, count));
  ApproveAll(id);
  Apply(StateOf(1, count));
  ASSERT_EQ(GetStack(id).state(), v1::Stack::READY) << GetStack(id).ShortDebugString();
}

void StacksTest::MakeReadyFrom(const std::string& version, const std::string& id, int count) {
  v1::CreateStackRequest request = CreateRequest(id);
  request.mutable_stack()->set_template_version(version);
  const auto created = stacks_->Create(Ann(), request);
  ASSERT_TRUE(created.ok()) << created.status();
  Plan(PlanOf("digest-of-" + id, count, count));
  if (GetStack(id).state() == v1::Stack::AWAITING_APPROVAL) ApproveAll(id);
  Apply(StateOf(1, count));
  ASSERT_EQ(GetStack(id).state(), v1::Stack::READY) << GetStack(id).ShortDebugString();
}

v1::VerifyEventsResponse StacksTest::Verify(const std::string& project) {
  const auto response = store_->ReadValue<v1::VerifyEventsResponse>(
      [&](soci::session& sql) { return VerifyEvents(sql, project); });
  EXPECT_TRUE(response.ok()) << response.status();
  return response.ok() ? *response : v1::VerifyEventsResponse();
}

std::vector<v1::Event> StacksTest::EventsOf(const std::string& type, const std::string& project) {
  std::vector<v1::Event> events;
  const absl::Status read = store_->Read([&](soci::session& sql) -> absl::Status {
    Page page;
    page.size = 1000;
    ASSIGN_OR_RETURN(const auto rows, ListEvents(sql, project, page, true, [&](const v1::Event& e) {
                       return e.type() == type;
                     }));
    events = rows.items;
    return absl::OkStatus();
  });
  EXPECT_TRUE(read.ok()) << read;
  return events;
}

std::vector<std::string> StacksTest::EventTypes(const std::string& project) {
  std::vector<std::string> types;
  const absl::Status read = store_->Read([&](soci::session& sql) -> absl::Status {
    Page page;
    page.size = 1000;
    const auto rows = ListEvents(sql, project, page, true, [](const v1::Event&) { return true; });
    if (!rows.ok()) return rows.status();
    for (const v1::Event& event : rows->items) types.push_back(event.type());
    return absl::OkStatus();
  });
  EXPECT_TRUE(read.ok()) << read;
  return types;
}

int64_t StacksTest::Count(const std::string& query) {
  int64_t count = -1;
  const absl::Status read = store_->Read([&](soci::session& sql) {
    sql << query, soci::into(count);
    return absl::OkStatus();
  });
  EXPECT_TRUE(read.ok()) << read;
  return count;
}

}  // namespace stackyard::stacks
