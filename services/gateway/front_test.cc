// The public port's limits, and what comes of clients and backends that misbehave.
#include "services/gateway/front_env.h"

namespace stackyard::gateway {
namespace {

TEST_F(FrontTest, ServesHealthWithoutAToken) {
  Start();
  EXPECT_TRUE(Healthy());
  const auto stub = grpc::health::v1::Health::NewStub(gateway_->channel());
  grpc::ClientContext context;
  Prepare(context, absl::Seconds(20));
  grpc::health::v1::HealthCheckResponse response;
  ASSERT_TRUE(stub->Check(&context, {}, &response).ok());
  EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::SERVING);
}

TEST_F(FrontTest, SpeaksGrpcOnly) {
  Start();
  RawHttp2 client(port());
  client.Greet();
  client.Send(
      NGHTTP2_HEADERS, kHeadersEnd | NGHTTP2_FLAG_END_STREAM, 1,
      RawHttp2::Pack(
          {{":method", "GET"}, {":scheme", "http"}, {":path", kPublic}, {":authority", "x"}}));
  EXPECT_EQ(client.ReadStatus()[":status"], "415");
}

TEST_F(FrontTest, LimitsConnections) {
  options_.front.max_connections = 2;
  Start();
  RawHttp2 one(port()), other(port());
  for (RawHttp2* client : {&one, &other}) {
    client->Greet();
    EXPECT_EQ(client->Read().type, NGHTTP2_SETTINGS);
  }
  EXPECT_TRUE(RawHttp2(port()).IsClosed());
  EXPECT_EQ(Limited("connections"), 1);
}

TEST_F(FrontTest, LimitsConnectionsOfOneAddress) {
  options_.front.max_connections_per_address = 1;
  Start();
  auto one = std::make_unique<RawHttp2>(port());
  one->Greet();
  EXPECT_EQ(one->Read().type, NGHTTP2_SETTINGS);
  EXPECT_TRUE(RawHttp2(port()).IsClosed());
  RawHttp2 neighbour(port(), "127.0.0.2");
  neighbour.Greet();
  EXPECT_EQ(neighbour.Read().type, NGHTTP2_SETTINGS);
  // Its place is free once it is gone.
  one.reset();
  EXPECT_TRUE(PollUntil(
      [&] {
        RawHttp2 next(port());
        next.Greet();
        return next.Read().type == NGHTTP2_SETTINGS;
      },
      absl::Seconds(20)));
}

TEST_F(FrontTest, LimitsStreams) {
  options_.front.max_streams_per_connection = 2;
  Start();
  RawHttp2 client(port());
  client.Greet();
  const RawFrame settings = client.Read();
  ASSERT_EQ(settings.type, NGHTTP2_SETTINGS);
  EXPECT_THAT(settings.payload, ::testing::HasSubstr(std::string("\0\3", 2) + RawHttp2::Bytes(2)));
  for (int stream : {1, 3, 5}) {
    client.Send(NGHTTP2_HEADERS, kHeadersEnd, stream, RawHttp2::Request(kPublic));
  }
  const RawFrame refused = client.ReadUntil(NGHTTP2_RST_STREAM);
  EXPECT_EQ(refused.stream, 5);
  EXPECT_EQ(refused.Number(0), NGHTTP2_REFUSED_STREAM);
}

TEST_F(FrontTest, LimitsHeaders) {
  options_.front.max_header_bytes = 4000;
  Start();
  RawHttp2 client(port());
  client.Greet();
  RawHttp2::Headers many;
  for (int i = 0; i < 40; ++i) many.emplace_back("x-" + std::to_string(i), std::string(100, 'v'));
  client.Send(NGHTTP2_HEADERS, kHeadersEnd, 1, RawHttp2::Request(kPublic, many));
  EXPECT_EQ(client.ReadStatus()["grpc-status"], "8");
  EXPECT_EQ(Limited("header_bytes"), 1);
  EXPECT_EQ(documents_.calls, 0);
}

TEST_F(FrontTest, TellsToComeBackWhenTooManyCallsAreOpen) {
  options_.front.max_open_calls = 1;
  Start();
  RawHttp2 client(port());
  client.Greet();
  client.Send(NGHTTP2_HEADERS, kHeadersEnd, 1, RawHttp2::Request(kPublic));
  client.Send(NGHTTP2_HEADERS, kHeadersEnd, 3, RawHttp2::Request(kPublic));
  const RawFrame refused = client.ReadUntil(NGHTTP2_HEADERS);
  EXPECT_EQ(refused.stream, 3);
  EXPECT_EQ(Reason(refused.headers), "OVERLOADED");
  // Health is not refused, and the place of a call that ended is free.
  client.Send(NGHTTP2_HEADERS, kHeadersEnd, 5, RawHttp2::Request(kHealth));
  client.Send(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 5, RawHttp2::Message(""));
  EXPECT_EQ(client.ReadStatus()["grpc-status"], "0");
  client.Send(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, RawHttp2::Message(""));
  EXPECT_EQ(client.ReadStatus()["grpc-status"], "0");
  client.Send(NGHTTP2_HEADERS, kHeadersEnd, 7, RawHttp2::Request(kPublic));
  client.Send(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 7, RawHttp2::Message(""));
  EXPECT_EQ(client.ReadStatus()["grpc-status"], "0");
}

TEST_F(FrontTest, OneUserLeavesRoomForOthers) {
  options_.front.max_open_calls_per_user = 1;
  Start();
  const RawHttp2::Headers mine = {{"authorization", "Bearer " + gateway_->admin_token()}};
  RawHttp2 client(port());
  client.Greet();
  client.Send(NGHTTP2_HEADERS, kHeadersEnd, 1, RawHttp2::Request(kWatch, mine));
  v1::WatchStackRequest watch;
  watch.set_name("projects/web/stacks/shop");
  client.Send(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1,
              RawHttp2::Message(watch.SerializeAsString()));
  ASSERT_TRUE(PollUntil([&] { return stacks_.bytes > 0; }, absl::Seconds(20)));
  // On another connection too.
  RawHttp2 other(port());
  other.Greet();
  int stream = -1;
  ASSERT_TRUE(PollUntil(
      [&] {
        stream += 2;
        other.Send(NGHTTP2_HEADERS, kHeadersEnd, stream, RawHttp2::Request(kUpdate, mine));
        other.Send(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, stream, RawHttp2::Message(""));
        return Reason(other.ReadStatus()) == "OVERLOADED";
      },
      absl::Seconds(20)));
  EXPECT_GE(Limited("open_calls_per_user"), 1);
  // What needs no token is nobody's.
  stream += 2;
  other.Send(NGHTTP2_HEADERS, kHeadersEnd, stream, RawHttp2::Request(kPublic));
  other.Send(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, stream, RawHttp2::Message(""));
  EXPECT_EQ(other.ReadStatus()["grpc-status"], "0");
  // And the place is free again.
  client.Send(NGHTTP2_RST_STREAM, 0, 1, RawHttp2::Bytes(NGHTTP2_CANCEL));
  EXPECT_TRUE(PollUntil(
      [&] {
        stream += 2;
        other.Send(NGHTTP2_HEADERS, kHeadersEnd, stream, RawHttp2::Request(kUpdate, mine));
        other.Send(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, stream, RawHttp2::Message(""));
        return Reason(other.ReadStatus()) != "OVERLOADED";
      },
      absl::Seconds(20)));
}

TEST_F(FrontTest, LimitsWhatIsHeldUntilItIsWhole) {
  options_.front.max_held_mib = 1;
  Start();
  const auto stub = v1::StackService::NewStub(gateway_->channel());
  const auto update = [&](size_t bytes) {
    v1::UpdateStackRequest request;
    request.mutable_stack()->set_name("projects/web/stacks/shop");
    request.mutable_stack()->set_display_name(std::string(bytes, 'x'));
    google::longrunning::Operation answer;
    return Call(&v1::StackService::Stub::UpdateStack, *stub, gateway_->admin_token(), request,
                &answer);
  };
  EXPECT_EQ(ReasonOf(FromGrpc(update(3 << 20))), v1::OVERLOADED);
  EXPECT_EQ(Limited("held_bytes"), 1);
  // It was given back, and what is smaller gets through each time.
  for (int i = 0; i < 3; ++i) {
    const grpc::Status status = update(900 << 10);
    EXPECT_TRUE(status.ok()) << status.error_message();
  }
}

TEST_F(FrontTest, WaitsForTheHandshakeOnlySoLong) {
  options_.front.handshake_timeout = absl::Milliseconds(50);
  Start();
  EXPECT_TRUE(RawHttp2(port()).IsClosed());
  RawHttp2 half(port());
  half.Write("PRI * HTTP/2.0\r\n\r\n");
  EXPECT_TRUE(half.IsClosed());
  EXPECT_EQ(Limited("handshake"), 2);
}

TEST_F(FrontTest, ClosesIdleConnections) {
  options_.front.idle_timeout = absl::Milliseconds(50);
  Start();
  RawHttp2 client(port());
  client.Greet();
  const RawFrame goaway = client.ReadUntil(NGHTTP2_GOAWAY);
  ASSERT_EQ(goaway.type, NGHTTP2_GOAWAY);
  EXPECT_EQ(goaway.Number(4), NGHTTP2_NO_ERROR);
}

TEST_F(FrontTest, AsksOldConnectionsToGo) {
  options_.front.max_connection_age = absl::Milliseconds(50);
  Start();
  RawHttp2 client(port());
  client.Greet();
  client.Send(NGHTTP2_HEADERS, kHeadersEnd, 1, RawHttp2::Request(kPublic));
  ASSERT_EQ(client.ReadUntil(NGHTTP2_GOAWAY).type, NGHTTP2_GOAWAY);
  // The call that goes on is not hurt.
  client.Send(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, RawHttp2::Message(""));
  EXPECT_EQ(client.ReadStatus()["grpc-status"], "0");
}

TEST_F(FrontTest, EndsRequestsThatStall) {
  options_.front.stall_timeout = absl::Milliseconds(50);
  Start();
  RawHttp2 client(port());
  client.Greet();
  client.Send(NGHTTP2_HEADERS, kHeadersEnd, 1, RawHttp2::Request(kPublic));
  client.Send(NGHTTP2_DATA, 0, 1, RawHttp2::Message("0123456789").substr(0, 8));
  EXPECT_EQ(client.ReadStatus()["grpc-status"], "4");
  EXPECT_EQ(Limited("stalled"), 1);
}

TEST_F(FrontTest, EndsSingleAnswersThatNobodyReads) {
  options_.front.stall_timeout = absl::Milliseconds(50);
  Start();
  RawHttp2 client(port());
  client.Greet();
  // A window of one byte for each stream.
  client.Send(NGHTTP2_SETTINGS, 0, 0, std::string("\0\4", 2) + RawHttp2::Bytes(1));
  client.Send(NGHTTP2_HEADERS, kHeadersEnd, 1, RawHttp2::Request(kPublic));
  client.Send(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, RawHttp2::Message(""));
  const RawFrame reset = client.ReadUntil(NGHTTP2_RST_STREAM);
  EXPECT_EQ(reset.Number(0), NGHTTP2_CANCEL);
  EXPECT_EQ(Limited("stalled"), 1);
}

TEST_F(FrontTest, RefusesCompressedMessages) {
  Start();
  RawHttp2 client(port());
  client.Greet();
  client.Send(NGHTTP2_HEADERS, kHeadersEnd, 1,
              RawHttp2::Request(kPublic, {{"grpc-encoding", "gzip"}}));
  client.Send(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, RawHttp2::Message("x", 1));
  auto status = client.ReadStatus();
  EXPECT_EQ(status["grpc-status"], "12");
  EXPECT_EQ(status["grpc-accept-encoding"], "identity");
}

// Its length is enough.
TEST_F(FrontTest, RefusesTooLargeMessagesEarly) {
  Start();
  RawHttp2 client(port());
  client.Greet();
  client.Send(NGHTTP2_HEADERS, kHeadersEnd, 1, RawHttp2::Request(kPublic));
  client.Send(NGHTTP2_DATA, 0, 1, std::string(1, '\0') + RawHttp2::Bytes((64 << 20) + 1));
  EXPECT_EQ(client.ReadStatus()["grpc-status"], "8");
  EXPECT_EQ(Limited("message_bytes"), 1);
}

// Nothing of the body is waited for.
TEST_F(FrontTest, RefusesWithoutATokenOnTheHeaders) {
  Start();
  RawHttp2 client(port());
  client.Greet();
  client.Send(NGHTTP2_HEADERS, kHeadersEnd, 1, RawHttp2::Request(kUpdate));
  EXPECT_EQ(Reason(client.ReadStatus()), "TOKEN_INVALID");
}

TEST_F(FrontTest, EndsRapidResets) {
  options_.front.max_control_frames = 100;
  Start();
  RawHttp2 client(port());
  client.Greet();
  std::string flood;
  for (int stream = 1; stream < 500; stream += 2) {
    flood += RawHttp2::Frame(NGHTTP2_HEADERS, kHeadersEnd, stream, RawHttp2::Request(kPublic)) +
             RawHttp2::Frame(NGHTTP2_RST_STREAM, 0, stream, RawHttp2::Bytes(NGHTTP2_CANCEL));
  }
  client.Write(flood);
  const RawFrame goaway = client.ReadUntil(NGHTTP2_GOAWAY);
  ASSERT_EQ(goaway.type, NGHTTP2_GOAWAY);
  EXPECT_EQ(goaway.Number(4), NGHTTP2_ENHANCE_YOUR_CALM);
  EXPECT_EQ(Limited("control_frames"), 1);
  EXPECT_TRUE(Healthy());
}

TEST_F(FrontTest, EndsFloodsOfPingsAndSettings) {
  options_.front.max_control_frames = 100;
  Start();
  for (const std::string& frame : {RawHttp2::Frame(NGHTTP2_PING, 0, 0, "12345678"),
                                   RawHttp2::Frame(NGHTTP2_SETTINGS, 0, 0, "")}) {
    RawHttp2 client(port());
    client.Greet();
    std::string flood;
    for (int i = 0; i < 300; ++i) flood += frame;
    client.Write(flood);
    const RawFrame goaway = client.ReadUntil(NGHTTP2_GOAWAY);
    ASSERT_EQ(goaway.type, NGHTTP2_GOAWAY);
    EXPECT_EQ(goaway.Number(4), NGHTTP2_ENHANCE_YOUR_CALM);
  }
  EXPECT_EQ(Limited("control_frames"), 2);
}

TEST_F(FrontTest, AnswersPings) {
  Start();
  RawHttp2 client(port());
  client.Greet();
  client.Send(NGHTTP2_PING, 0, 0, "12345678");
  const RawFrame pong = client.ReadUntil(NGHTTP2_PING);
  EXPECT_EQ(pong.flags, NGHTTP2_FLAG_ACK);
  EXPECT_EQ(pong.payload, "12345678");
}

TEST_F(FrontTest, AsksSilentClientsWhetherTheyAreThere) {
  options_.front.keepalive = absl::Milliseconds(50);
  Start();
  RawHttp2 client(port());
  client.Greet();
  EXPECT_EQ(client.ReadUntil(NGHTTP2_PING).type, NGHTTP2_PING);
}

// The backend of a reader who takes nothing is stopped after what the windows hold.
TEST_F(FrontTest, SlowReadersSlowTheWriterDown) {
  Start();
  RawHttp2 client(port());
  client.Greet();
  constexpr int kReaders = 20;
  v1::WatchStackRequest request;
  request.set_name("projects/web/stacks/shop");
  for (int i = 0; i < kReaders; ++i) {
    const int stream = 2 * i + 1;
    client.Send(
        NGHTTP2_HEADERS, kHeadersEnd, stream,
        RawHttp2::Request(kWatch, {{"authorization", "Bearer " + gateway_->admin_token()}}));
    client.Send(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, stream,
                RawHttp2::Message(request.SerializeAsString()));
  }
  int64_t seen = -1;
  ASSERT_TRUE(PollUntil(
      [&] { return std::exchange(seen, stacks_.bytes.load()) == stacks_.bytes && seen > 0; },
      absl::Seconds(20), absl::Milliseconds(500)));
  EXPECT_GT(seen, kReaders * 1000);
  EXPECT_LT(seen, kReaders * (512 << 10));
  // Others do not wait for them, not on the backend's connection either.
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(ReadDocument(gateway_->channel()).ok());
}

TEST_F(FrontTest, ABackendThatComesBackIsFound) {
  Start();
  ASSERT_TRUE(ReadDocument(gateway_->channel()).ok());
  backend_->Shutdown();
  backend_.reset();
  // Without wait_for_ready or retries of the client's.
  const auto stub = v1::DocumentService::NewStub(
      grpc::CreateChannel(gateway_->server().target(), grpc::InsecureChannelCredentials()));
  const auto read = [&] {
    grpc::ClientContext context;
    google::api::HttpBody body;
    v1::ReadPublicDocumentRequest request;
    return stub->ReadPublicDocument(&context, request, &body);
  };
  EXPECT_EQ(ReasonOf(FromGrpc(read())), v1::DEPENDENCY_UNAVAILABLE);
  StartBackend();
  EXPECT_TRUE(PollUntil([&] { return read().ok(); }, absl::Seconds(20)));
}

TEST_F(FrontTest, RandomBytesDoNoHarm) {
  Start();
  std::mt19937 random(17);
  for (int round = 0; round < 150; ++round) {
    RawHttp2 client(port());
    if (round % 3 != 0) client.Greet();
    std::string bytes;
    for (int frame = 0; frame < 30; ++frame) {
      std::string payload(random() % 60, '\0');
      for (char& c : payload) c = static_cast<char>(random());
      if (round % 3 == 2 && random() % 2 == 0) payload = RawHttp2::Request(kPublic);
      bytes += round % 3 == 0 ? payload
                              : RawHttp2::Frame(static_cast<int>(random() % 11),
                                                static_cast<int>(random() % 64),
                                                static_cast<int32_t>(random() % 12), payload);
    }
    client.Write(bytes);
  }
  EXPECT_TRUE(Healthy());
  EXPECT_TRUE(ReadDocument(gateway_->channel()).ok());
}

}  // namespace
}  // namespace stackyard::gateway
