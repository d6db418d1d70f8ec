// States in tests: what persons and dead runners do with them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/stacks/salvage.h"
#include "services/stacks/state_edits.h"
#include "services/stacks/state_views.h"
#include "services/stacks/test_env.h"

namespace stackyard::stacks {

class StatesTest : public StacksTest {
 protected:
  void SetUp() override {
    StacksTest::SetUp();
    if (store_ == nullptr) return;
    edits_ = std::make_unique<StateEdits>(*store_, *blobs_);
    views_ = std::make_unique<StateViews>(*store_, *blobs_);
    salvage_ = std::make_unique<Salvage>(*store_, *blobs_, *queue_);
  }

  static std::string VersionOf(const std::string& id) {
    return absl::StrCat(StackOf("shop"), "/stateVersions/", id);
  }
  absl::StatusOr<v1::StateLock> Lock(const Principal& who, const std::string& id) {
    v1::LockStateRequest request;
    request.set_parent(StackOf("shop"));
    request.mutable_lock()->set_lock_id(id);
    request.mutable_lock()->set_operation("OperationTypeApply");
    return edits_->Lock(who, request);
  }
  absl::StatusOr<v1::StateLock> Unlock(const Principal& who, const std::string& id) {
    v1::UnlockStateRequest request;
    request.set_parent(StackOf("shop"));
    request.set_lock_id(id);
    return edits_->Unlock(who, request);
  }
  absl::StatusOr<v1::StateLock> ForceUnlock(const Principal& who,
                                            const std::string& reason = "they left",
                                            const std::string& lock_id = "") {
    v1::ForceUnlockStateRequest request;
    request.set_lock_id(lock_id);
    request.set_parent(StackOf("shop"));
    request.set_reason(reason);
    return edits_->ForceUnlock(who, request);
  }
  absl::StatusOr<v1::StateVersion> Write(const Principal& who, const std::string& state,
                                         const std::string& lock = "") {
    v1::WriteStateRequest request;
    request.set_parent(StackOf("shop"));
    request.set_state(state);
    request.set_lock_id(lock);
    return edits_->Write(who, request);
  }
  absl::StatusOr<v1::StateVersion> Rollback(const Principal& who, const std::string& id) {
    v1::RollbackStateRequest request;
    request.set_name(VersionOf(id));
    request.set_reason("it was better");
    return edits_->Rollback(who, request);
  }
  v1::StateLock GetLock() {
    v1::GetStateLockRequest request;
    request.set_name(StackOf("shop") + "/stateLock");
    const auto lock = edits_->GetLock(request);
    EXPECT_TRUE(lock.ok()) << lock.status();
    return lock.ok() ? *lock : v1::StateLock();
  }
  // The state's text; empty when there is none.
  std::string Download(const std::string& id = "latest") {
    v1::DownloadStateRequest request;
    request.set_name(VersionOf(id));
    const auto response = views_->Download(Ann(), request);
    return response.ok() ? response->state() : "";
  }
  std::vector<v1::StateVersion> Versions() {
    v1::ListStateVersionsRequest request;
    request.set_parent(StackOf("shop"));
    request.set_page_size(1000);
    const auto response = views_->List(request);
    EXPECT_TRUE(response.ok()) << response.status();
    if (!response.ok()) return {};
    return {response->state_versions().begin(), response->state_versions().end()};
  }
  absl::StatusOr<internal::v1::SalvageStateResponse> HandIn(
      const internal::v1::Assignment& assignment, const std::string& state) {
    internal::v1::SalvageStateRequest request;
    *request.mutable_lease() = assignment.lease();
    request.set_state(state);
    return salvage_->Take(request);
  }
  int64_t Held(const std::string& metric = "vcpu") {
    RunTasks();
    return ledger_.Sum(metric);
  }

  std::unique_ptr<StateEdits> edits_;
  std::unique_ptr<StateViews> views_;
  std::unique_ptr<Salvage> salvage_;
};

}  // namespace stackyard::stacks
