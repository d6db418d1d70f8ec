// Locks, writes, rollbacks and saves in any order, against a model that is simple enough to be
// obviously right.
#include <map>
#include <optional>
#include <random>
#include <set>

#include "services/stacks/states_env.h"

namespace stackyard::stacks {
namespace {

using internal::v1::Assignment;

// What the states of one stack should be.
struct Model {
  struct Held {
    std::string person, id;
  };
  // How many resources each version has, by serial.
  std::map<int64_t, int> versions;
  std::map<int64_t, int> drafts;
  std::optional<Held> lock;
  bool running = false;

  std::pair<int64_t, int> Newest() const {
    return drafts.empty() ? *versions.rbegin() : *drafts.rbegin();
  }
  std::pair<int64_t, int> Current() const { return *versions.rbegin(); }

  ErrorReason Lock(const std::string& person, const std::string& id) {
    if (lock) return lock->person == person && lock->id == id ? kOk : v1::STATE_LOCKED;
    if (running) return v1::STATE_LOCKED;
    lock = Held{person, id};
    return kOk;
  }
  ErrorReason Unlock(const std::string& person, const std::string& id) {
    if (!lock) return kOk;
    if (lock->person != person || lock->id != id) return v1::STATE_LOCKED;
    versions.insert(drafts.begin(), drafts.end());
    drafts.clear();
    lock.reset();
    return kOk;
  }
  ErrorReason ForceUnlock() {
    if (running) return v1::WRONG_STATE;
    drafts.clear();
    lock.reset();
    return kOk;
  }
  ErrorReason Write(const std::string& person, int64_t serial, int count, const std::string& id) {
    if (id != (lock ? lock->id : "") || running) return v1::STATE_LOCKED;
    if (lock && lock->person != person) return v1::STATE_LOCKED;
    return Add(serial, count, lock ? drafts : versions);
  }
  ErrorReason Rollback(const std::string& person, int64_t serial) {
    const auto& in = drafts.count(serial) > 0 ? drafts : versions;
    const auto old = in.find(serial);
    if (old == in.end()) return v1::RESOURCE_NOT_FOUND;
    if (lock ? lock->person != person : running) return v1::STATE_LOCKED;
    if (old->second == Newest().second) return kOk;
    return Add(Newest().first + 1, old->second, lock ? drafts : versions);
  }
  ErrorReason Save(int64_t serial, int count) { return Add(serial, count, versions); }

  static constexpr ErrorReason kOk = v1::ERROR_REASON_UNSPECIFIED;

 private:
  ErrorReason Add(int64_t serial, int count, std::map<int64_t, int>& to) {
    if (Newest() == std::pair(serial, count)) return kOk;
    if (serial <= Newest().first) return v1::STATE_CONFLICT;
    to[serial] = count;
    return kOk;
  }
};

class StateModelTest : public StatesTest {
 protected:
  int Pick(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }
  Principal Somebody() { return Person(Pick(2) == 0 ? "dan" : "eve", {"devops"}); }
  std::string LockId() { return Pick(2) == 0 ? "x" : "y"; }

  // Something that somebody, or a run, does; what the model says of it must be what happens.
  void Step() {
    const Principal who = Somebody();
    const int64_t serial = model_.Newest().first + Pick(4) - 1;
    const int count = 1 + Pick(3);
    const std::string id = Pick(4) == 0 ? "" : LockId();
    switch (Pick(8)) {
      case 0:
        if (id.empty()) return;
        return Expect("lock", model_.Lock(who.user(), id), Lock(who, id).status());
      case 1:
        if (id.empty()) return;
        return Expect("unlock", model_.Unlock(who.user(), id), Unlock(who, id).status());
      case 2:
        // Seldom, so that drafts come to something.
        if (Pick(3) > 0) return;
        return Expect("force", model_.ForceUnlock(), ForceUnlock(who).status());
      case 3:
      case 4: {
        if (serial < 1) return;
        // Mostly with the right id.
        const std::string lock = Pick(4) == 0 ? id : model_.lock ? model_.lock->id : "";
        return Expect("write", model_.Write(who.user(), serial, count, lock),
                      Write(who, StateOf(serial, count), lock).status());
      }
      case 5: {
        const int64_t old = 1 + Pick(static_cast<int>(model_.Newest().first) + 1);
        return Expect("rollback", model_.Rollback(who.user(), old),
                      Rollback(who, absl::StrCat(old)).status());
      }
      case 6:
        if (!run_) return Begin();
        return Expect("save", model_.Save(serial, count), SaveState(*run_, StateOf(serial, count)));
      default:
        if (run_) return End();
    }
  }
  // An update gets as far as its apply.
  void Begin() {
    if (model_.lock) return;
    const std::string digest = absl::StrCat("plan-", ++plans_);
    ASSERT_TRUE(stacks_->Update(Ann(), UpdateRequest("shop", 1 + plans_ % 8)).ok());
    Plan(PlanOf(digest, 1, 1));
    ApproveAll();
    run_ = Acquire(Assignment::APPLY);
    model_.running = true;
  }
  void End() {
    ASSERT_TRUE(Complete(*run_).ok());
    RunTasks();
    ASSERT_EQ(GetStack().state(), v1::Stack::READY);
    run_.reset();
    model_.running = false;
  }
  void Expect(const std::string& what, ErrorReason wanted, const absl::Status& status) {
    ASSERT_TRUE(status.ok() == (wanted == Model::kOk) && ReasonOf(status) == wanted)
        << what << ": wanted " << v1::ErrorReason_Name(wanted) << ", got " << status;
  }
  void Compare() {
    std::map<int64_t, bool> there, wanted;
    for (const v1::StateVersion& version : Versions()) there[version.serial()] = version.draft();
    for (const auto& [serial, count] : model_.versions) wanted[serial] = false;
    for (const auto& [serial, count] : model_.drafts) wanted[serial] = true;
    ASSERT_EQ(there, wanted);
    const auto [serial, count] = model_.Current();
    ASSERT_EQ(Download(), StateOf(serial, count));
    ASSERT_EQ(GetLock().lock_id(), run_ ? run_->lease().run() : model_.lock ? model_.lock->id : "");
    if (!run_) {
      ASSERT_EQ(GetStack().resource_count(), count);
      ASSERT_EQ(Held(), 2 * count);
    }
  }

  std::mt19937 random_;
  Model model_;
  std::optional<Assignment> run_;
  int plans_ = 0;
};

STACKS_TEST_ON_BOTH(StateModelTest);

TEST_P(StateModelTest, AnyOrderIsAsTheModelSays) {
  const char* given = getenv("STACKYARD_SEED");
  const unsigned seed = given == nullptr ? 7 : static_cast<unsigned>(atoi(given));
  SCOPED_TRACE(absl::StrCat("STACKYARD_SEED=", seed));
  random_.seed(seed);
  MakeReady("shop", 1);
  model_.versions[1] = 1;
  for (int step = 0; step < 400; ++step) {
    ASSERT_NO_FATAL_FAILURE(Step()) << "step " << step;
    ASSERT_NO_FATAL_FAILURE(Compare()) << "step " << step;
  }
  EXPECT_GT(model_.versions.size(), 20U) << "something happened";
  EXPECT_GT(plans_, 5);
}

}  // namespace
}  // namespace stackyard::stacks
