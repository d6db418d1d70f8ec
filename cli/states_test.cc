// `stackyard states` against a fake service.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "cli/app.h"
#include "common/grpc_status.h"
#include "common/status.h"
#include "stackyard/v1/state_versions.grpc.pb.h"

namespace stackyard::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using v1::StateLock;
using v1::StateVersion;

constexpr char kWeb[] = "projects/p/stacks/web";

class FakeStates : public v1::StateService::Service {
 public:
  grpc::Status GetStateVersion(grpc::ServerContext*, const v1::GetStateVersionRequest* request,
                               StateVersion* response) override {
    asked.push_back("get " + request->name());
    *response = Version(7);
    return grpc::Status::OK;
  }
  grpc::Status ListStateVersions(grpc::ServerContext*, const v1::ListStateVersionsRequest* request,
                                 v1::ListStateVersionsResponse* response) override {
    asked.push_back("list " + request->parent());
    *response->add_state_versions() = Version(7);
    *response->add_state_versions() = Version(6);
    return grpc::Status::OK;
  }
  grpc::Status DownloadState(grpc::ServerContext*, const v1::DownloadStateRequest* request,
                             v1::DownloadStateResponse* response) override {
    asked.push_back("pull " + request->name());
    response->set_state("{\"version\": 4}");
    return grpc::Status::OK;
  }
  grpc::Status WriteState(grpc::ServerContext*, const v1::WriteStateRequest* request,
                          StateVersion* response) override {
    asked.push_back(
        absl::StrCat("push ", request->parent(), " ", request->state(), " ", request->lock_id()));
    *response = Version(8);
    response->set_draft(!request->lock_id().empty());
    return grpc::Status::OK;
  }
  grpc::Status RollbackState(grpc::ServerContext*, const v1::RollbackStateRequest* request,
                             StateVersion* response) override {
    asked.push_back("rollback " + request->name() + " " + request->reason());
    *response = Version(9);
    return grpc::Status::OK;
  }
  grpc::Status GetStateLock(grpc::ServerContext*, const v1::GetStateLockRequest* request,
                            StateLock* response) override {
    *response = lock;
    return grpc::Status::OK;
  }
  grpc::Status LockState(grpc::ServerContext*, const v1::LockStateRequest* request,
                         StateLock* response) override {
    if (!lock.lock_id().empty()) {
      return ToGrpc(Error(v1::STATE_LOCKED, "the state is locked by users/dan, lock l1"));
    }
    *response = request->lock();
    asked.push_back("lock " + request->parent() + " " + request->lock().info());
    return grpc::Status::OK;
  }
  grpc::Status UnlockState(grpc::ServerContext*, const v1::UnlockStateRequest* request,
                           StateLock* response) override {
    asked.push_back("unlock " + request->parent() + " " + request->lock_id());
    response->set_name(request->parent() + "/stateLock");
    return grpc::Status::OK;
  }
  grpc::Status ForceUnlockState(grpc::ServerContext*, const v1::ForceUnlockStateRequest* request,
                                StateLock* response) override {
    asked.push_back("force " + request->parent() + " " + request->reason());
    response->set_name(request->parent() + "/stateLock");
    return grpc::Status::OK;
  }

  std::vector<std::string> asked;
  StateLock lock;

 private:
  static StateVersion Version(int serial) {
    StateVersion version;
    version.set_name(absl::StrCat(kWeb, "/stateVersions/", serial));
    version.set_serial(serial);
    version.set_lineage("l1neage");
    version.set_run(serial == 7 ? absl::StrCat(kWeb, "/runs/12") : "");
    version.set_creator("users/dan");
    version.set_resource_count(3);
    version.set_size_bytes(1234);
    return version;
  }
};

class StatesTest : public ::testing::Test {
 protected:
  StatesTest() {
    char pattern[] = "/tmp/states_test.XXXXXX";
    directory_ = mkdtemp(pattern);
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&states_);
    server_ = builder.BuildAndStart();
    endpoint_ = absl::StrCat("127.0.0.1:", port);
  }
  ~StatesTest() override {
    server_->Shutdown();
    std::filesystem::remove_all(directory_);
  }

  // The exit code; what was written is in out_ and err_.
  int Run(std::vector<std::string> arguments) {
    std::ostringstream out, err;
    const SystemClock clock;
    const Environment environment{
        .out = out,
        .err = err,
        .variable = [](const std::string&) { return std::nullopt; },
        .clock = clock,
    };
    for (const std::string& flag : {std::string("--endpoint"), endpoint_, std::string("--token"),
                                    std::string("t"), std::string("-p"), std::string("p")}) {
      arguments.push_back(flag);
    }
    const int code = RunApp(arguments, environment);
    out_ = out.str();
    err_ = err.str();
    return code;
  }

  std::string directory_, endpoint_, out_, err_;
  FakeStates states_;
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(StatesTest, ListAndGetShowWhoWroteAndWhoHoldsTheLock) {
  ASSERT_EQ(Run({"states", "list", "web"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("run 12"));
  EXPECT_THAT(out_, HasSubstr("dan"));
  ASSERT_EQ(Run({"states", "get", "web"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("l1neage"));
  EXPECT_THAT(out_, Not(HasSubstr("Locked")));
  states_.lock.set_lock_id("l1");
  states_.lock.set_who("users/dan");
  ASSERT_EQ(Run({"states", "get", "web/7"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("users/dan"));
  EXPECT_THAT(states_.asked, ElementsAre(absl::StrCat("list ", kWeb),
                                         absl::StrCat("get ", kWeb, "/stateVersions/latest"),
                                         absl::StrCat("get ", kWeb, "/stateVersions/7")));
}

TEST_F(StatesTest, PullWritesTheStateAsItIs) {
  ASSERT_EQ(Run({"states", "pull", "web/6"}), 0) << err_;
  EXPECT_EQ(out_, "{\"version\": 4}");
  const std::string path = directory_ + "/out";
  ASSERT_EQ(Run({"states", "pull", "web", "--out", path}), 0) << err_;
  EXPECT_EQ(out_, "");
  struct stat info = {};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U) << "it holds secrets";
  EXPECT_EQ(std::filesystem::file_size(path), 14U);
}

TEST_F(StatesTest, PushSendsTheFileAndTheLock) {
  const std::string path = directory_ + "/state";
  std::ofstream(path) << "text";
  ASSERT_EQ(Run({"states", "push", "web", path}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("is the current state"));
  ASSERT_EQ(Run({"states", "push", "web", path, "--lock-id", "l1"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("draft"));
  EXPECT_THAT(states_.asked, ElementsAre(absl::StrCat("push ", kWeb, " text "),
                                         absl::StrCat("push ", kWeb, " text l1")));
  EXPECT_EQ(Run({"states", "push", "web", path + ".none"}), 2);
}

TEST_F(StatesTest, LocksAndRollbacks) {
  ASSERT_EQ(Run({"states", "lock", "web", "--id", "mine", "--info", "surgery"}), 0) << err_;
  EXPECT_EQ(out_, "mine\n");
  ASSERT_EQ(Run({"states", "lock", "web"}), 0) << err_;
  EXPECT_GT(out_.size(), 10U) << "an id at random";
  ASSERT_EQ(Run({"states", "rollback", "web/3", "--reason", "better"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("stateVersions/9 is the current state"));
  ASSERT_EQ(Run({"states", "unlock", "web", "mine"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("projects/p/stacks/web is unlocked"));
  ASSERT_EQ(Run({"states", "force-unlock", "web", "--reason", "gone"}), 0) << err_;
  EXPECT_THAT(
      states_.asked,
      ElementsAre(absl::StrCat("lock ", kWeb, " surgery"), absl::StrCat("lock ", kWeb, " "),
                  absl::StrCat("rollback ", kWeb, "/stateVersions/3 better"),
                  absl::StrCat("unlock ", kWeb, " mine"), absl::StrCat("force ", kWeb, " gone")));
  states_.lock.set_lock_id("l1");
  EXPECT_EQ(Run({"states", "lock", "web"}), 6) << err_;
  EXPECT_THAT(err_, HasSubstr("users/dan"));
  EXPECT_EQ(Run({"states", "unlock", "web"}), 2) << "which lock?";
}

}  // namespace
}  // namespace stackyard::cli
