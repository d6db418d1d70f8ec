// The stacks service without gRPC, on a fresh database of either engine, with a clock that stands
// still, a ledger that can be told what to answer, and a runner that is the test itself.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/clock.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "services/stacks/catalog.h"
#include "services/stacks/drift.h"
#include "services/stacks/extensions.h"
#include "services/stacks/imports.h"
#include "services/stacks/ledger_client.h"
#include "services/stacks/operation_views.h"
#include "services/stacks/previews.h"
#include "services/stacks/quota_requests.h"
#include "services/stacks/reviews.h"
#include "services/stacks/run_queue.h"
#include "services/stacks/run_views.h"
#include "services/stacks/saga.h"
#include "services/stacks/stack_manager.h"
#include "stackyard/v1/events.pb.h"

namespace stackyard::stacks {

using google::longrunning::Operation;
using v1::ChangeRequest;

// A ledger that keeps what it is told, as the quota service does, and admits everything unless it
// is told to refuse.
class FakeLedger final : public LedgerClient {
 public:
  FakeLedger() { fit_.set_fits(true); }
  absl::Status Reserve(const v1::Reservation& reservation) override;
  absl::Status Commit(const std::string& name,
                      const google::protobuf::RepeatedPtrField<v1::Amount>& amounts) override;
  absl::Status Release(const std::string& name) override;
  // Fits unless Refuse or SetFit says otherwise.
  absl::StatusOr<v1::CheckFitResponse> CheckFit(const v1::CheckFitRequest& request) override;
  absl::StatusOr<std::vector<v1::Reservation>> ListHeld() override;

  // What CheckFit answers from now on, and what it was asked last.
  void SetFit(const v1::CheckFitResponse& fit);
  v1::CheckFitRequest question() const;
  // Puts a reservation there, or takes it away, behind everybody's back.
  void Put(const v1::Reservation& reservation);
  void Lose(const std::string& name);
  // Called at the end of ListHeld, when its answer is made.
  void OnListed(std::function<void()> hook);
  // Called when Reserve has admitted something, before it answers.
  std::function<void()> after_reserve;

  // What Reserve answers from now on; OK: it admits.
  void Refuse(const absl::Status& status);
  // The same, of what asks for more than nothing.
  void RefuseAmounts(const absl::Status& status);
  // Whether the service answers at all.
  void SetDown(bool down);
  std::vector<v1::Reservation> All() const;
  // Those that are PENDING or COMMITTED.
  std::vector<v1::Reservation> Held() const;
  // Sum of a metric over what is held.
  int64_t Sum(const std::string& metric) const;
  int reserve_calls() const;

 private:
  absl::Status Admit(const v1::Reservation& reservation);

  mutable absl::Mutex mutex_;
  std::map<std::string, v1::Reservation> reservations_ ABSL_GUARDED_BY(mutex_);
  absl::Status refusal_ ABSL_GUARDED_BY(mutex_);
  absl::Status amounts_refusal_ ABSL_GUARDED_BY(mutex_);
  bool down_ ABSL_GUARDED_BY(mutex_) = false;
  int reserve_calls_ ABSL_GUARDED_BY(mutex_) = 0;
  v1::CheckFitResponse fit_ ABSL_GUARDED_BY(mutex_);
  v1::CheckFitRequest question_ ABSL_GUARDED_BY(mutex_);
  std::function<void()> on_listed_ ABSL_GUARDED_BY(mutex_);
};

// Quota changes that are told what to answer, and remember what they were asked.
class FakeQuotaChanges final : public QuotaChangeClient {
 public:
  absl::StatusOr<internal::v1::ApplyQuotaChangeResponse> Apply(
      const internal::v1::ApplyQuotaChangeRequest& request) override;

  // What Apply answers from now on; OK: it does what it is asked.
  void Refuse(const absl::Status& status);
  // What was applied, trials left out; a replay counts once.
  std::vector<internal::v1::ApplyQuotaChangeRequest> Applied() const;

 private:
  mutable absl::Mutex mutex_;
  std::map<std::string, internal::v1::ApplyQuotaChangeRequest> applied_ ABSL_GUARDED_BY(mutex_);
  absl::Status refusal_ ABSL_GUARDED_BY(mutex_);
};

enum class Engine { kSqlite, kPostgres };

inline std::string EngineName(const testing::TestParamInfo<Engine>& info) {
  return info.param == Engine::kSqlite ? "Sqlite" : "Postgres";
}

inline constexpr char kProject[] = "projects/web";
inline constexpr char kVersion[] = "templates/shop/versions/1.0";

// Roles are those on the project.
Principal Person(const std::string& id, const std::vector<std::string>& roles);
inline Principal Ann() { return Person("ann", {"dev"}); }
inline Principal Dan() { return Person("dan", {"devops"}); }

// template.yaml of the template that the tests use: meters, one approval by devops within 24 h,
// a lease of 72 h. `approval` is put in the place of the approval.
std::string ShopYaml(const std::string& approval =
                         "{mode: required, reviewer_role: devops, required_approvals: 1, "
                         "expires_after: 24h}");

// A state with `count` instances of `size` vcpu each. `size` may be `null`.
std::string StateOf(int64_t serial, int count, const std::string& size = "2",
                    const std::string& lineage = "lineage-1");

// A plan that makes instances [first, first + create) of 2 vcpu each, so that there are `total`.
internal::v1::PlanSummary PlanOf(const std::string& digest, int create, int total, int first = 0);

absl::Status RunFailed(const std::string& message);

class StacksTest : public testing::TestWithParam<Engine> {
 protected:
  StacksTest();
  ~StacksTest() override;
  void SetUp() override;
  void TearDown() override;

  // Names.
  static std::string StackOf(const std::string& id) {
    return std::string(kProject) + "/stacks/" + id;
  }

  // The catalogue.
  absl::StatusOr<Operation> TryPublish(const std::string& template_id, const std::string& version,
                                       const std::string& yaml);
  // What the runner tells of the module.
  void CompleteInspection(const internal::v1::Assignment& assignment);
  void Publish(const std::string& version, const std::string& yaml);
  v1::TemplateVersion Version(const std::string& name = kVersion);

  // Users.
  v1::CreateStackRequest CreateRequest(const std::string& id, double size = 2);
  Operation Create(const std::string& id, double size = 2);
  v1::UpdateStackRequest UpdateRequest(const std::string& id, double size);
  v1::Stack GetStack(const std::string& id = "shop");
  v1::Revision GetRevision(int64_t number, const std::string& id = "shop");
  Operation GetOperation(const std::string& name);
  // The error of a done operation; INTERNAL when it is not done.
  absl::Status ErrorOf(const std::string& operation);
  ChangeRequest GetRequest(const std::string& name);
  // The request that the stack waits for.
  ChangeRequest PendingRequest(const std::string& id = "shop");
  absl::StatusOr<ChangeRequest> Approve(const Principal& who, const ChangeRequest& request);
  absl::Status Delete(const std::string& id, bool abandon = false);

  // The runner.
  std::optional<internal::v1::Assignment> TryAcquire(const std::string& runner = "r1");
  internal::v1::Assignment Acquire(internal::v1::Assignment::Work work,
                                   const std::string& runner = "r1");
  absl::Status Complete(const internal::v1::Assignment& assignment,
                        const absl::Status& status = {});
  absl::Status CompletePlan(const internal::v1::Assignment& assignment,
                            const internal::v1::PlanSummary& plan);
  absl::Status SaveState(const internal::v1::Assignment& assignment, const std::string& state);

  // Steps of the way, each checked.
  // Does all tasks that are due.
  void RunTasks();
  // Plans with `plan` and reserves: the stack then waits for review, or for a runner to apply.
  void Plan(const internal::v1::PlanSummary& plan);
  void ApproveAll(const std::string& id = "shop");
  // Applies with this state at the end, and settles quota.
  void Apply(const std::string& state);
  // A READY stack with `count` instances, by plan `digest`.
  void MakeReady(const std::string& id = "shop", int count = 1);
  // The same, from a version that was published before.
  void MakeReadyFrom(const std::string& version, const std::string& id = "shop", int count = 1);

  v1::VerifyEventsResponse Verify(const std::string& project = "web");
  std::vector<std::string> EventTypes(const std::string& project = "web");
  // Events of one type, oldest first.
  std::vector<v1::Event> EventsOf(const std::string& type, const std::string& project = "web");
  // How many rows a query counts.
  int64_t Count(const std::string& query);

  // Holds the key file, the blobs, and SQLite's database.
  const std::string& folder() const { return folder_; }
  // Of the database, as Database::Open takes it.
  const std::string& url() const { return url_; }

  FakeClock clock_;
  FakeLedger ledger_;
  FakeQuotaChanges quota_changes_;
  Signals signals_;
  std::unique_ptr<Database> db_;
  std::unique_ptr<BlobStore> blobs_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<StackManager> stacks_;
  std::unique_ptr<Previews> previews_;
  std::unique_ptr<DriftChecks> drift_;
  std::unique_ptr<Imports> imports_;
  std::unique_ptr<Reviews> reviews_;
  std::unique_ptr<RunViews> runs_;
  std::unique_ptr<OperationViews> operations_;
  std::unique_ptr<RunQueue> queue_;
  std::unique_ptr<Saga> saga_;
  std::unique_ptr<Extensions> extensions_;
  std::unique_ptr<QuotaRequests> quota_requests_;

 private:
  const std::string folder_;
  std::string url_;
};

#define STACKS_TEST_ON_BOTH(suite)                                                              \
  INSTANTIATE_TEST_SUITE_P(Engines, suite, testing::Values(Engine::kSqlite, Engine::kPostgres), \
                           EngineName)

}  // namespace stackyard::stacks
