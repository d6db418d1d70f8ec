#include "services/runner/provider_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/id.h"
#include "common/poll_until.h"
#include "services/runner/file.h"
#include "services/runner/testing/fake_provider.h"
#include "services/runner/testing/files.h"
#include "services/runner/testing/wire_message.h"

namespace stackyard::runner {
namespace {

using testing::HasSubstr;

constexpr char kAws[] = "registry.terraform.io/hashicorp/aws";

// With the capability that the schema need not be asked for.
std::string Schema() {
  return WireMessage().Bytes(1, "x").Message(6, WireMessage().Number(2, 1)).bytes();
}

std::string VariableOf(const ProviderSlot& slot, const std::string& name) {
  for (const auto line : absl::StrSplit(AskFake(slot.process(), "Environment"), '\n')) {
    if (absl::StartsWith(line, name + "=")) return std::string(line.substr(name.size() + 1));
  }
  return "";
}

// Tells one process from all others.
std::string IdOf(const ProviderSlot& slot) { return VariableOf(slot, "TMPDIR"); }

class ProviderPoolTest : public testing::Test {
 protected:
  ProviderPoolTest() : metrics_(registry_), schemas_(folder_.path() + "/schemas") {
    workspace_ = *Workspace::Open(folder_.path() + "/work", "r1");
    WriteSchema(Schema());
    options_.max = 4;
    options_.min = 0;
    options_.interval = absl::Milliseconds(1);
    options_.available_memory = [this] { return memory_.load(); };
    options_.base = {{"SCHEMA_FILE", folder_.path() + "/schema"}};
  }

  void WriteSchema(const std::string& schema) {
    EXPECT_TRUE(WriteFile(folder_.path() + "/schema", schema).ok());
  }
  void Open() {
    pool_ = std::make_unique<ProviderPool>(options_, *workspace_, schemas_, metrics_, clock_);
  }
  ProviderPool::Request Make(const std::string& key, bool blank_fits = false,
                             const std::string& source = "registry.terraform.io/test/fake") {
    ProviderPool::Request request;
    request.key = key;
    request.blank_fits = blank_fits;
    request.start.binary = FakeProvider(source);
    request.environment = [](const std::string& tokens) { return Environment{{"TOKENS", tokens}}; };
    return request;
  }
  ProviderPool::Lease Take(const ProviderPool::Request& request) {
    auto lease = pool_->Take(request);
    EXPECT_TRUE(lease.ok()) << lease.status();
    return lease.ok() ? *std::move(lease) : ProviderPool::Lease{};
  }
  int Count(const std::string& state) {
    for (const auto& family : registry_.Collect()) {
      if (family.name != "stackyard_runner_provider_slots") continue;
      for (const auto& metric : family.metric) {
        if (metric.label[0].value == state) return static_cast<int>(metric.gauge.value);
      }
    }
    return -1;
  }
  void WaitForCount(const std::string& state, int wanted) {
    EXPECT_TRUE(PollUntil([&] { return Count(state) == wanted; }, absl::Seconds(20)))
        << state << " " << Count(state);
  }

  TempFolder folder_;
  prometheus::Registry registry_;
  ProviderMetrics metrics_;
  ProviderSchemaCache schemas_;
  FakeClock clock_;
  std::atomic<int64_t> memory_{int64_t{8} << 30};
  std::unique_ptr<Workspace> workspace_;
  ProviderPoolOptions options_;
  std::unique_ptr<ProviderPool> pool_;
};

TEST_F(ProviderPoolTest, AKeptProcessIsForItsKeyAlone) {
  Open();
  auto first = Take(Make("a"));
  EXPECT_EQ(first.way, LeaseWay::kOrdered);
  const std::string id = IdOf(*first.slot);
  EXPECT_EQ(VariableOf(*first.slot, "TOKENS"), first.slot->tokens());
  AskFake(first.slot->process(), "Complain");
  EXPECT_TRUE(
      PollUntil([&] { return !first.slot->process().last_words().empty(); }, absl::Seconds(20)));
  pool_->Return(std::move(first.slot), /*keep=*/true);
  EXPECT_EQ(Count("kept"), 1);

  auto other = Take(Make("b", /*blank_fits=*/true));
  EXPECT_EQ(other.way, LeaseWay::kOrdered);
  EXPECT_NE(IdOf(*other.slot), id);
  auto same = Take(Make("a"));
  EXPECT_EQ(same.way, LeaseWay::kKept);
  EXPECT_EQ(same.slot->process().last_words(), "") << "they are of another run";
  EXPECT_EQ(IdOf(*same.slot), id);
  auto another = Take(Make("a"));
  EXPECT_EQ(another.way, LeaseWay::kOrdered) << "the kept one is in use";
  // Nor for another provider of the same key.
  pool_->Return(std::move(same.slot), true);
  auto cousin = Take(Make("a", false, "registry.terraform.io/test/other"));
  EXPECT_EQ(cousin.way, LeaseWay::kOrdered);
  EXPECT_EQ(Count("leased"), 3);
}

TEST_F(ProviderPoolTest, WhatIsNotKeptEnds) {
  Open();
  auto lease = Take(Make("a"));
  const auto channel = lease.slot->process().channel();
  pool_->Return(std::move(lease.slot), /*keep=*/false);
  EXPECT_EQ(Count("kept"), 0);
  EXPECT_EQ(Count("leased"), 0);
  EXPECT_FALSE(
      channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::milliseconds(100)));
  // A process that crashed is not kept, whoever says so.
  auto crashed = Take(Make("a"));
  AskFake(crashed.slot->process(), "Crash");
  ASSERT_TRUE(PollUntil([&] { return !crashed.slot->process().alive(); }, absl::Seconds(20)));
  pool_->Return(std::move(crashed.slot), /*keep=*/true);
  EXPECT_EQ(Count("kept"), 0);
}

TEST_F(ProviderPoolTest, AKeptProcessEndsAfterItsTime) {
  Open();
  pool_->Return(Take(Make("a")).slot, true);
  clock_.Advance(options_.keep - absl::Seconds(1));
  EXPECT_EQ(Count("kept"), 1);
  clock_.Advance(absl::Seconds(1));
  WaitForCount("kept", 0);
  EXPECT_EQ(Take(Make("a")).way, LeaseWay::kOrdered);
}

TEST_F(ProviderPoolTest, KeepsNothingWhenToldSo) {
  options_.keep = absl::ZeroDuration();
  Open();
  pool_->Return(Take(Make("a")).slot, true);
  EXPECT_EQ(Count("kept"), 0);
}

TEST_F(ProviderPoolTest, BlankProcessesAreForAnyKeyOnce) {
  options_.min = 1;
  options_.passed = {{"PASSED", "yes"}};
  Open();
  pool_->Expect(FakeProvider());
  WaitForCount("warm", 1);
  EXPECT_EQ(Take(Make("a", /*blank_fits=*/false)).way, LeaseWay::kOrdered);
  auto lease = Take(Make("a", /*blank_fits=*/true));
  EXPECT_EQ(lease.way, LeaseWay::kWarm);
  EXPECT_EQ(VariableOf(*lease.slot, "PASSED"), "yes");
  EXPECT_EQ(VariableOf(*lease.slot, "TOKENS"), "") << "it was nobody's when it was started";
  const std::string id = IdOf(*lease.slot);
  pool_->Return(std::move(lease.slot), true);
  EXPECT_EQ(IdOf(*Take(Make("a", true)).slot), id);
}

TEST_F(ProviderPoolTest, FollowsDemandWithinItsLimits) {
  Open();
  pool_->Expect(FakeProvider());
  WaitForCount("warm", 1);
  std::vector<ProviderPool::Lease> leases;
  for (int i = 0; i < 3; ++i) leases.push_back(Take(Make(absl::StrCat(i), true)));
  // Now three are used at once; the next ones wait until these have begun.
  EXPECT_EQ(Count("leased"), 3);
  clock_.Advance(absl::Seconds(1));
  WaitForCount("warm", 1);
  for (auto& lease : leases) pool_->Return(std::move(lease.slot), false);
  WaitForCount("warm", 3);
  clock_.Advance(absl::Minutes(6));
  WaitForCount("warm", 0);
}

TEST_F(ProviderPoolTest, IdleProvidersAreForgotten) {
  options_.min = 2;
  Open();
  pool_->Expect(FakeProvider());
  WaitForCount("warm", 2);
  clock_.Advance(absl::Minutes(59));
  EXPECT_EQ(Count("warm"), 2);
  clock_.Advance(absl::Minutes(2));
  WaitForCount("warm", 0);
}

TEST_F(ProviderPoolTest, ThereAreNeverMoreThanAllowed) {
  options_.max = 2;
  Open();
  auto first = Take(Make("a"));
  auto second = Take(Make("b"));
  EXPECT_EQ(pool_->Take(Make("c")).status().code(), absl::StatusCode::kResourceExhausted);
  // What waits gives way.
  pool_->Return(std::move(first.slot), true);
  EXPECT_EQ(Count("kept"), 1);
  EXPECT_EQ(Take(Make("c")).way, LeaseWay::kOrdered);
  EXPECT_EQ(Count("kept"), 0);
}

TEST_F(ProviderPoolTest, WaitsForOneThatIsBeingStarted) {
  options_.max = options_.min = 1;
  Open();
  for (int round = 0; round < 10; ++round) {
    pool_->Expect(FakeProvider());
    // Whatever is started now, for whoever comes: this one comes.
    auto lease = pool_->Take(Make("a", /*blank_fits=*/true));
    ASSERT_TRUE(lease.ok()) << lease.status();
    pool_->Return(std::move(lease->slot), false);
  }
}

TEST_F(ProviderPoolTest, LeavesMemoryToOthers) {
  options_.min = 1;
  memory_ = options_.spare_memory - 1;
  Open();
  pool_->Expect(FakeProvider());
  pool_->Return(Take(Make("a")).slot, true);
  EXPECT_EQ(Count("warm"), 0);
  EXPECT_EQ(Count("kept"), 1);
  memory_ = options_.spare_memory / 2 - 1;
  WaitForCount("kept", 0);
  memory_ = options_.spare_memory;
  pool_->Expect(FakeProvider());
  WaitForCount("warm", 1);
}

TEST_F(ProviderPoolTest, AFailedStartIsToldAndNotCounted) {
  Open();
  auto request = Make("a");
  request.environment = [](const std::string&) { return Environment{{"FAKE_PROVIDER", "dead"}}; };
  EXPECT_EQ(pool_->Take(request).status().code(), absl::StatusCode::kInternal);
  request.environment = [](const std::string&) { return absl::InternalError("no token"); };
  EXPECT_EQ(pool_->Take(request).status().message(), "no token");
  EXPECT_EQ(Count("leased"), 0);
  EXPECT_EQ(Take(Make("a")).way, LeaseWay::kOrdered);
}

TEST_F(ProviderPoolTest, ClosingEndsAll) {
  options_.min = 1;
  Open();
  auto lease = Take(Make("a"));
  pool_->Return(Take(Make("b")).slot, true);
  pool_->Close();
  EXPECT_EQ(Count("kept") + Count("warm"), 0);
  EXPECT_EQ(pool_->Take(Make("a")).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(lease.slot->process().alive()) << "a run goes on";
  pool_->Return(std::move(lease.slot), true);
  EXPECT_EQ(Count("kept"), 0);
}

// Many runs of few keys at once: nobody meets anybody, and no process sees two keys.
TEST_F(ProviderPoolTest, NoProcessIsSharedOrChangesItsKey) {
  options_.max = 6;
  options_.min = 1;
  Open();
  absl::Mutex mutex;
  std::set<std::string> in_use;
  std::map<std::string, std::string> key_of;
  std::atomic<int> kept{0};
  {
    std::vector<std::unique_ptr<Task>> runs;
    for (int thread = 0; thread < 6; ++thread) {
      runs.push_back(std::make_unique<Task>("run", [&, thread] {
        for (int round = 0; round < 15; ++round) {
          const std::string key = absl::StrCat("key-", (thread + round) % 3);
          auto request = Make(key, /*blank_fits=*/round % 2 == 0);
          auto lease = pool_->Take(request);
          if (!lease.ok()) continue;
          kept += lease->way == LeaseWay::kKept;
          const std::string id = IdOf(*lease->slot);
          {
            absl::MutexLock lock(&mutex);
            EXPECT_TRUE(in_use.insert(id).second) << id << " is shared";
            EXPECT_EQ(key_of.emplace(id, key).first->second, key) << id << " changed its key";
          }
          EXPECT_EQ(AskFake(lease->slot->process(), "Echo", key), key);
          {
            absl::MutexLock lock(&mutex);
            in_use.erase(id);
          }
          pool_->Return(std::move(lease->slot), /*keep=*/round % 5 != 0);
        }
      }));
    }
  }
  EXPECT_GT(kept, 0);
  EXPECT_EQ(Count("leased"), 0);
}

TEST_F(ProviderPoolTest, CredentialsReachABlankProcessByFiles) {
  options_.min = 1;
  options_.passed = {{"AWS_ACCESS_KEY_ID", "runner"}, {"HTTPS_PROXY", "proxy"}};
  Open();
  pool_->Expect(FakeProvider(kAws));
  WaitForCount("warm", 1);
  auto lease = Take(Make("a", true, kAws));
  ASSERT_EQ(lease.way, LeaseWay::kWarm);
  EXPECT_EQ(VariableOf(*lease.slot, "AWS_ACCESS_KEY_ID"), "") << "it would win over files";
  EXPECT_EQ(VariableOf(*lease.slot, "HTTPS_PROXY"), "proxy");
  const std::string config = VariableOf(*lease.slot, "AWS_CONFIG_FILE");
  const std::string credentials = VariableOf(*lease.slot, "AWS_SHARED_CREDENTIALS_FILE");
  EXPECT_EQ(*ReadFile(config), "");
  EXPECT_EQ(*ReadFile(credentials), "");
  ASSERT_TRUE(lease.slot->WriteAwsFiles({"[default]", "secret"}).ok());
  EXPECT_EQ(*ReadFile(config), "[default]");
  EXPECT_EQ(*ReadFile(credentials), "secret");
  pool_->Return(std::move(lease.slot), true);
  EXPECT_EQ(*ReadFile(credentials), "") << "nothing of it stays on the disk";
}

TEST_F(ProviderPoolTest, TheProcessSeesTheFilesOfTheRun) {
  Open();
  auto lease = Take(Make("a"));
  const std::string place = folder_.path() + "/module";
  ASSERT_TRUE(MakeFolder(place).ok());
  ASSERT_TRUE(lease.slot->LendFolder(place).ok());
  ASSERT_TRUE(WriteFile(place + "/lambda.zip", "").ok());
  ASSERT_TRUE(MakeFolder(place + "/sub/folder").ok());
  EXPECT_THAT(AskFake(lease.slot->process(), "Folder"), HasSubstr("lambda.zip\n"));
  pool_->Return(std::move(lease.slot), true);
  EXPECT_TRUE(absl::IsNotFound(ReadFile(place + "/lambda.zip").status()));
  lease = Take(Make("a"));
  EXPECT_EQ(AskFake(lease.slot->process(), "Folder"), "") << "what a run left is gone";
  // It can be lent again.
  ASSERT_TRUE(MakeFolder(place).ok());
  ASSERT_TRUE(lease.slot->LendFolder(place).ok());
  // A folder with something in it is not replaced.
  ASSERT_TRUE(WriteFile(place + "/x", "").ok());
  EXPECT_FALSE(Take(Make("b")).slot->LendFolder(place).ok());
}

TEST_F(ProviderPoolTest, AProcessInTheFolderOfARunIsNotKept) {
  Open();
  auto request = Make("a");
  request.start.folder = folder_.path();
  auto lease = Take(request);
  EXPECT_THAT(AskFake(lease.slot->process(), "Folder"), HasSubstr("work\n"));
  pool_->Return(std::move(lease.slot), true);
  EXPECT_EQ(Count("kept"), 0);
}

TEST_F(ProviderPoolTest, SchemasAreAskedForOnce) {
  Open();
  EXPECT_EQ(AskFake(Take(Make("a")).slot->process(), "SchemaCalls"), "1");
  auto lease = Take(Make("b"));
  EXPECT_EQ(AskFake(lease.slot->process(), "SchemaCalls"), "0");
  EXPECT_EQ(lease.slot->schema().schemas, Schema());
  EXPECT_FALSE(lease.slot->schema().identities.has_value());
}

TEST_F(ProviderPoolTest, ProvidersThatWantToBeAskedAre) {
  WriteSchema(WireMessage().Bytes(1, "x").bytes());
  Open();
  EXPECT_EQ(AskFake(Take(Make("a")).slot->process(), "SchemaCalls"), "1");
  EXPECT_EQ(AskFake(Take(Make("b")).slot->process(), "SchemaCalls"), "1");
}

TEST(ProviderSchemaCacheTest, OutlivesTheProcessAndNoticesDamage) {
  const TempFolder folder;
  const ProviderBinary binary{"s", "1", "/p", "identity"};
  EXPECT_EQ(ProviderSchemaCache(folder.path()).Find(binary), nullptr);
  ASSERT_TRUE(ProviderSchemaCache(folder.path()).Keep(binary, {"schemas\n", "identities"}).ok());
  const auto found = ProviderSchemaCache(folder.path()).Find(binary);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->schemas, "schemas\n");
  EXPECT_EQ(found->identities, "identities");
  EXPECT_EQ(ProviderSchemaCache(folder.path()).Find({"s", "1", "/p", "another"}), nullptr);

  ASSERT_TRUE(ProviderSchemaCache(folder.path()).Keep(binary, {"schemas", std::nullopt}).ok());
  EXPECT_FALSE(ProviderSchemaCache(folder.path()).Find(binary)->identities.has_value());
  std::string file = *ReadFile(folder.path() + "/identity");
  file.back() = 'x';
  ASSERT_TRUE(WriteFile(folder.path() + "/identity", file).ok());
  EXPECT_EQ(ProviderSchemaCache(folder.path()).Find(binary), nullptr);
}

TEST(AvailableMemoryTest, IsTheLeastOfMachineAndGroup) {
  const TempFolder root;
  const std::string group = root.path() + "/sys/fs/cgroup";
  EXPECT_EQ(AvailableMemory(root.path()), INT64_MAX);
  ASSERT_TRUE(MakeFolder(root.path() + "/proc").ok());
  ASSERT_TRUE(MakeFolder(group + "/memory").ok());
  ASSERT_TRUE(
      WriteFile(root.path() + "/proc/meminfo", "MemTotal: 9 kB\nMemAvailable:   4 kB\n").ok());
  EXPECT_EQ(AvailableMemory(root.path()), 4096);
  ASSERT_TRUE(WriteFile(group + "/memory.max", "max\n").ok());
  ASSERT_TRUE(WriteFile(group + "/memory.current", "1000\n").ok());
  EXPECT_EQ(AvailableMemory(root.path()), 4096);
  ASSERT_TRUE(WriteFile(group + "/memory.max", "3000\n").ok());
  EXPECT_EQ(AvailableMemory(root.path()), 2000);
  ASSERT_TRUE(WriteFile(group + "/memory/memory.limit_in_bytes", "1500\n").ok());
  ASSERT_TRUE(WriteFile(group + "/memory/memory.usage_in_bytes", "1600\n").ok());
  EXPECT_EQ(AvailableMemory(root.path()), 0);
}

TEST(ProviderDemandTest, RemembersTheHighestOfLate) {
  ProviderDemand demand;
  const absl::Time start = absl::FromUnixSeconds(0);
  EXPECT_EQ(demand.Wanted(start, 1, 9), 0) << "nobody asked yet";
  demand.Note(start, 5);
  demand.Note(start + absl::Minutes(3), 2);
  EXPECT_EQ(demand.Wanted(start + absl::Minutes(4), 1, 9), 5);
  EXPECT_EQ(demand.Wanted(start + absl::Minutes(4), 1, 3), 3);
  EXPECT_EQ(demand.Wanted(start + absl::Minutes(6), 1, 9), 2);
  EXPECT_EQ(demand.Wanted(start + absl::Minutes(9), 1, 9), 1);
  EXPECT_EQ(demand.Wanted(start + absl::Minutes(9), 0, 9), 0);
  EXPECT_EQ(demand.Wanted(start + absl::Minutes(64), 1, 9), 0);
}

}  // namespace
}  // namespace stackyard::runner
