// Streams over a real server in this process.
#include "services/stacks/watch_hub.h"

#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "common/channel.h"
#include "common/server.h"
#include "common/status.h"
#include "stackyard/v1/stacks.grpc.pb.h"

namespace stackyard::stacks {
namespace {

using Reader = std::unique_ptr<grpc::ClientReader<v1::WatchStackResponse>>;

constexpr absl::Duration kPatience = absl::Seconds(30);

// Stacks that are nothing but a version, and their streams.
class Stacks final
    : public v1::StackService::WithCallbackMethod_WatchStack<v1::StackService::Service> {
 public:
  explicit Stacks(WatchHub& hub) : hub_(hub), reads_(hub) {}

  grpc::ServerWriteReactor<v1::WatchStackResponse>* WatchStack(
      grpc::CallbackServerContext* context, const v1::WatchStackRequest* request) override {
    if (request->name() == "refused") {
      return Refuse<v1::WatchStackResponse>(InvalidField("name", "is refused"));
    }
    return new WatchStream<v1::WatchStackResponse>(
        hub_, request->name(),
        [this, name = request->name(), seen = int64_t{0},
         // Told when the stream lets go of this.
         over = std::shared_ptr<void>(nullptr, [this](void*) {
           over_.Notify();
         })]() mutable -> absl::StatusOr<News<v1::WatchStackResponse>> {
          absl::MutexLock lock(&mutex_);
          ++looks_[name];
          reads_.Read(name, [&] {
            ++reads_of_[name];
            return absl::StatusOr<int64_t>(versions_[name]);
          });
          const int64_t version = versions_[name];
          if (version < 0) return NotFound(name);
          News<v1::WatchStackResponse> news;
          news.last = last_.count(name) > 0;
          // Several messages for one look.
          while (seen < version) {
            news.messages.emplace_back().set_resume_token(absl::StrCat(++seen));
          }
          return news;
        });
  }

  void Set(const std::string& name, int64_t version, bool last = false) {
    {
      absl::MutexLock lock(&mutex_);
      versions_[name] = version;
      if (last) last_.insert(name);
    }
    hub_.Touch({name});
  }
  int64_t looks(const std::string& name) {
    absl::MutexLock lock(&mutex_);
    return looks_[name];
  }
  int64_t reads(const std::string& name) {
    absl::MutexLock lock(&mutex_);
    return reads_of_[name];
  }
  // Waits until so many streams have ended.
  bool WaitOver(int64_t count) {
    const absl::Time deadline = absl::Now() + kPatience;
    for (int64_t seen = 0; (seen = over_.Count()) < count;) {
      if (absl::Now() > deadline) return false;
      over_.Wait(seen, absl::Seconds(1));
    }
    return true;
  }

 private:
  WatchHub& hub_;
  absl::Mutex mutex_;
  std::map<std::string, int64_t> versions_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> last_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, int64_t> looks_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, int64_t> reads_of_ ABSL_GUARDED_BY(mutex_);
  SharedReads<int64_t> reads_;
  Notifier over_;
};

class WatchHubTest : public testing::Test {
 protected:
  WatchHubTest() : stacks_(hub_) {
    ServerOptions options;
    options.service = "test";
    options.listen = "127.0.0.1:0";
    options.drain = absl::Seconds(5);
    server_ = *Server::Start(options, {&stacks_}, [this] { hub_.Drain(); });
    stub_ = v1::StackService::NewStub(Connect(server_->target()));
  }
  Reader Watch(grpc::ClientContext& context, const std::string& name) {
    Prepare(context, kPatience);
    v1::WatchStackRequest request;
    request.set_name(name);
    return stub_->WatchStack(&context, request);
  }
  // The next message's token; empty: the stream has ended.
  static std::string Next(const Reader& reader) {
    v1::WatchStackResponse response;
    return reader->Read(&response) ? response.resume_token() : "";
  }

  WatchHub hub_;
  Stacks stacks_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<v1::StackService::Stub> stub_;
};

TEST_F(WatchHubTest, AStreamGetsEachChangeAndEndsWithTheLast) {
  stacks_.Set("a", 1);
  grpc::ClientContext context;
  const Reader reader = Watch(context, "a");
  EXPECT_EQ(Next(reader), "1") << "what is there already";
  for (int version = 2; version < 30; ++version) {
    stacks_.Set("a", version);
    EXPECT_EQ(Next(reader), absl::StrCat(version));
  }
  stacks_.Set("a", 33, true);
  for (int version = 30; version <= 33; ++version) {
    EXPECT_EQ(Next(reader), absl::StrCat(version));
  }
  EXPECT_EQ(Next(reader), "");
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_TRUE(stacks_.WaitOver(1));
}

TEST_F(WatchHubTest, AStreamThatIsOverBeforeItBeginsSendsNothing) {
  stacks_.Set("a", 0, true);
  grpc::ClientContext context;
  const Reader reader = Watch(context, "a");
  EXPECT_EQ(Next(reader), "");
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(WatchHubTest, StreamsGetWhatTheyAskedForOnly) {
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<Reader> readers;
  for (int i = 0; i < 40; ++i) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    readers.push_back(Watch(*contexts.back(), absl::StrCat("s", i / 2)));
  }
  for (int i = 0; i < 20; ++i) stacks_.Set(absl::StrCat("s", i), i + 1, true);
  for (int i = 0; i < 40; ++i) {
    for (int version = 1; version <= i / 2 + 1; ++version) {
      EXPECT_EQ(Next(readers[i]), absl::StrCat(version));
    }
    EXPECT_EQ(Next(readers[i]), "");
    EXPECT_TRUE(readers[i]->Finish().ok());
  }
  EXPECT_TRUE(stacks_.WaitOver(40));
}

TEST_F(WatchHubTest, AStreamThatWaitsIsNotLookedAt) {
  stacks_.Set("quiet", 1);
  stacks_.Set("busy", 1);
  grpc::ClientContext quiet_context, busy_context;
  const Reader quiet = Watch(quiet_context, "quiet");
  const Reader busy = Watch(busy_context, "busy");
  EXPECT_EQ(Next(quiet), "1");
  EXPECT_EQ(Next(busy), "1");
  for (int version = 2; version <= 300; ++version) {
    stacks_.Set("busy", version);
    EXPECT_EQ(Next(busy), absl::StrCat(version));
  }
  EXPECT_EQ(stacks_.looks("quiet"), 1) << "at its start";
  hub_.TouchAll();
  stacks_.Set("quiet", 2);
  EXPECT_EQ(Next(quiet), "2");
  quiet_context.TryCancel();
  busy_context.TryCancel();
}

TEST_F(WatchHubTest, ManyStreamsOfOneThingReadItOnce) {
  constexpr int kStreams = 60;
  stacks_.Set("a", 1);
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<Reader> readers;
  for (int i = 0; i < kStreams; ++i) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    readers.push_back(Watch(*contexts.back(), "a"));
    EXPECT_EQ(Next(readers.back()), "1");
  }
  const int64_t before = stacks_.reads("a"), looked = stacks_.looks("a");
  stacks_.Set("a", 2);
  for (const Reader& reader : readers) EXPECT_EQ(Next(reader), "2");
  EXPECT_EQ(stacks_.looks("a") - looked, kStreams);
  // One for all, and one for each whose last message was still on its way.
  EXPECT_LT(stacks_.reads("a") - before, kStreams / 2);
  for (const auto& context : contexts) context->TryCancel();
}

TEST_F(WatchHubTest, AnErrorEndsTheStream) {
  stacks_.Set("a", 1);
  grpc::ClientContext context;
  const Reader reader = Watch(context, "a");
  EXPECT_EQ(Next(reader), "1");
  stacks_.Set("a", -1);
  EXPECT_EQ(Next(reader), "");
  EXPECT_EQ(ReasonOf(FromGrpc(reader->Finish())), v1::RESOURCE_NOT_FOUND);
  EXPECT_TRUE(stacks_.WaitOver(1));
}

TEST_F(WatchHubTest, ARefusedStreamTellsWhy) {
  grpc::ClientContext context;
  const Reader reader = Watch(context, "refused");
  EXPECT_EQ(Next(reader), "");
  EXPECT_EQ(ReasonOf(FromGrpc(reader->Finish())), v1::INVALID_FIELD);
}

TEST_F(WatchHubTest, DrainEndsStreamsAndLaterOnes) {
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<Reader> readers;
  stacks_.Set("a", 1);
  for (int i = 0; i < 10; ++i) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    readers.push_back(Watch(*contexts.back(), "a"));
    EXPECT_EQ(Next(readers.back()), "1");
  }
  hub_.Drain();
  grpc::ClientContext late_context;
  readers.push_back(Watch(late_context, "a"));
  for (const Reader& reader : readers) {
    EXPECT_EQ(Next(reader), "");
    const absl::Status status = FromGrpc(reader->Finish());
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
    EXPECT_EQ(ReasonOf(status), v1::DEPENDENCY_UNAVAILABLE);
  }
  EXPECT_TRUE(stacks_.WaitOver(11));
}

TEST_F(WatchHubTest, AServerThatStopsDoesNotWaitForStreams) {
  stacks_.Set("a", 1);
  grpc::ClientContext context;
  const Reader reader = Watch(context, "a");
  EXPECT_EQ(Next(reader), "1");
  const absl::Time start = absl::Now();
  server_->Shutdown();
  EXPECT_LT(absl::Now() - start, absl::Seconds(4)) << "it waited for the whole drain time";
  EXPECT_EQ(Next(reader), "");
  EXPECT_FALSE(reader->Finish().ok());
}

TEST_F(WatchHubTest, AClientThatGoesAwayIsForgotten) {
  stacks_.Set("a", 1);
  for (int i = 0; i < 20; ++i) {
    grpc::ClientContext context;
    const Reader reader = Watch(context, "a");
    EXPECT_EQ(Next(reader), "1");
    context.TryCancel();
    EXPECT_EQ(Next(reader), "");
    EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  EXPECT_TRUE(stacks_.WaitOver(20)) << "a stream outlives its client";
  // What is left still works.
  grpc::ClientContext context;
  const Reader reader = Watch(context, "a");
  EXPECT_EQ(Next(reader), "1");
  context.TryCancel();
}

TEST_F(WatchHubTest, ClientsThatGoWhileMuchIsSentDoNoHarm) {
  for (int i = 0; i < 20; ++i) {
    const std::string name = absl::StrCat("s", i);
    grpc::ClientContext context;
    const Reader reader = Watch(context, name);
    stacks_.Set(name, 2000);
    EXPECT_EQ(Next(reader), "1");
    context.TryCancel();
    while (!Next(reader).empty()) {
    }
    reader->Finish();
  }
  EXPECT_TRUE(stacks_.WaitOver(20));
}

}  // namespace
}  // namespace stackyard::stacks
