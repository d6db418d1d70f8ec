// Whole command lines against a fake service.
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "cli/context.h"
#include "cli/fake_server.h"

namespace stackyard::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(CommandsTest, CreateSendsWhatWasSaid) {
  const Result result =
      Run({"stacks", "create", "web", "-t", "hello@1", "--set", "repeat=3", "--set", "name=Ada",
           "--lease", "3d", "--start", "2027-01-01", "--reason", "a demo", "--label", "team=web"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(stacks_.authorization, "Bearer t0ken");
  const v1::CreateStackRequest& request = stacks_.created;
  EXPECT_EQ(request.parent(), "projects/p");
  EXPECT_EQ(request.stack_id(), "web");
  EXPECT_EQ(request.reason(), "a demo");
  EXPECT_FALSE(request.request_id().empty());
  EXPECT_EQ(request.stack().template_version(), "templates/hello/versions/1");
  EXPECT_EQ(request.stack().lease().duration().seconds(), 72 * 3600);
  EXPECT_EQ(request.stack().lease().start_time().seconds(), 1'798'761'600);
  EXPECT_EQ(request.stack().parameters().fields().at("repeat").number_value(), 3);
  EXPECT_EQ(request.stack().parameters().fields().at("name").string_value(), "Ada");
  EXPECT_EQ(request.stack().labels().at("team"), "web");
  EXPECT_THAT(result.err, HasSubstr("stackyard operations watch operations/o1"));
}

TEST_F(CommandsTest, GlobalFlagsStandAnywhereAndWin) {
  EXPECT_EQ(Run({"stacks", "create", "--token", "other", "web", "-t", "hello", "-p", "q"}).code, 0);
  EXPECT_EQ(stacks_.authorization, "Bearer other");
  EXPECT_EQ(stacks_.created.parent(), "projects/q");
  EXPECT_EQ(Run({"-p", "r", "stacks", "create", "web", "-t", "hello"}).code, 0);
  EXPECT_EQ(stacks_.created.parent(), "projects/r");
}

TEST_F(CommandsTest, TokenComesFromAFile) {
  variables_.erase("STACKYARD_TOKEN");
  variables_["XDG_CONFIG_HOME"] = directory_;
  std::filesystem::create_directories(directory_ + "/stackyard");
  std::ofstream(directory_ + "/stackyard/token") << "from-file\n";
  EXPECT_EQ(Run({"stacks", "create", "web", "-t", "hello"}).code, 0);
  EXPECT_EQ(stacks_.authorization, "Bearer from-file");
  const Result missing = Run({"stacks", "list", "--token-file", directory_ + "/none"});
  EXPECT_EQ(missing.code, 2);
  EXPECT_THAT(missing.err, HasSubstr("/none"));
}

TEST_F(CommandsTest, WaitsThroughARestartAndShowsTheStack) {
  operations_.script = {At(v1::OperationMetadata::PLANNING), At(v1::OperationMetadata::APPLYING),
                        Done()};
  operations_.break_after = 1;
  const Result result = Run({"stacks", "create", "web", "-t", "hello", "--wait"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("PLANNING"));
  EXPECT_THAT(result.err, HasSubstr("APPLYING"));
  EXPECT_THAT(result.err, HasSubstr("no connection; trying again"));
  EXPECT_THAT(result.out, HasSubstr("READY"));
  EXPECT_THAT(result.out, HasSubstr("Hello, Ada!"));
  // Nothing was asked for twice.
  EXPECT_THAT(operations_.tokens, ::testing::ElementsAre("", "1", "2"));
}

TEST_F(CommandsTest, WaitsForAStage) {
  operations_.script = {At(v1::OperationMetadata::PLANNING),
                        At(v1::OperationMetadata::AWAITING_APPROVAL)};
  const Result result = Run({"operations", "wait", "o1", "--until", "awaiting-approval"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("projects/p/changeRequests/1"));
  EXPECT_EQ(Run({"operations", "wait", "o1", "--until", "tomorrow"}).code, 2);
}

TEST_F(CommandsTest, TheOutcomeIsTheExitCode) {
  const auto code = [&](const absl::Status& error) {
    Operation failed = At(v1::OperationMetadata::FINISHED);
    failed.set_done(true);
    *failed.mutable_error() = ToProto(error);
    operations_.script = {failed};
    return Run({"stacks", "create", "web", "-t", "hello", "--wait"}).code;
  };
  EXPECT_EQ(code(Error(v1::RUN_FAILED, "x")), 1);
  EXPECT_EQ(code(Error(v1::QUOTA_EXCEEDED, "x")), 5);
  EXPECT_EQ(code(Error(v1::REQUEST_CLOSED, "x")), 8);
}

TEST_F(CommandsTest, WaitsForAStack) {
  Operation done = At(v1::OperationMetadata::FINISHED);
  done.set_done(true);
  operations_.script = {At(v1::OperationMetadata::APPLYING), done};
  const Result result = Run({"stacks", "wait", "web"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("APPLYING"));
  EXPECT_THAT(result.out, HasSubstr("READY"));

  *done.mutable_error() = ToProto(Error(v1::RUN_FAILED, "no such image"));
  operations_.script = {done};
  const Result failed = Run({"stacks", "wait", "web"});
  EXPECT_EQ(failed.code, 1);
  EXPECT_THAT(failed.err, HasSubstr("no such image"));
}

TEST_F(CommandsTest, InterruptLeavesTheOperationGoing) {
  operations_.script = {At(v1::OperationMetadata::PLANNING)};
  interrupted_ = true;
  const Result result = Run({"operations", "watch", "o1"});
  EXPECT_EQ(result.code, 130);
  EXPECT_THAT(result.err, HasSubstr("operations/o1 goes on"));
  EXPECT_THAT(result.err, HasSubstr("stackyard operations watch operations/o1"));
}

TEST_F(CommandsTest, TimeIsBounded) {
  operations_.script = {At(v1::OperationMetadata::PLANNING)};
  const Result result = Run({"operations", "watch", "o1", "--timeout", "300ms"});
  EXPECT_EQ(result.code, 7);
  EXPECT_THAT(result.err, HasSubstr("goes on"));
}

TEST_F(CommandsTest, ErrorsNameEveryFault) {
  Violations violations;
  violations.Add("stack.parameters.repeat", "must be at most 100");
  violations.Add("stack_id", "must start with a letter");
  stacks_.refusal = violations.ToStatus();
  const Result people = Run({"stacks", "create", "9", "-t", "hello"});
  EXPECT_EQ(people.code, 2);
  EXPECT_THAT(people.err, HasSubstr("must be at most 100"));
  EXPECT_THAT(people.err, HasSubstr("must start with a letter"));
  EXPECT_EQ(people.out, "");
  const Result json = Run({"stacks", "create", "9", "-t", "hello", "-o", "json"});
  EXPECT_EQ(json.code, 2);
  EXPECT_THAT(json.err, HasSubstr("type.googleapis.com/google.rpc.BadRequest"));
  EXPECT_THAT(json.err, HasSubstr("\"INVALID_FIELD\""));
}

TEST_F(CommandsTest, NotFoundAndNobodyThere) {
  EXPECT_EQ(Run({"stacks", "get", "nope"}).code, 3);
  EXPECT_EQ(Run({"stacks", "retry", "web"}).code, 1) << "the fake lacks it";
  const Result unreachable = Run({"stacks", "get", "web", "--endpoint", "unix:/nowhere/x"});
  EXPECT_EQ(unreachable.code, 7);
  EXPECT_THAT(unreachable.err, HasSubstr("unix:/nowhere/x"));
  EXPECT_EQ(Run({"operations", "watch", "o1", "--endpoint", "unix:/nowhere/x"}).code, 7);
}

TEST_F(CommandsTest, WrongUsageIsOneClearLine) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {},
           {"stacks"},
           {"nonsense"},
           {"stacks", "get"},
           {"stacks", "get", "a", "b"},
           {"stacks", "create", "web"},
           {"stacks", "get", "web", "--nope"},
           {"stacks", "get", "web", "-o", "xml"},
           {"stacks", "create", "web", "-t", "hello", "--lease", "soon"},
           {"stacks", "create", "web", "-t", "hello", "--start", "soon"},
           {"stacks", "update", "web"}}) {
    const Result result = Run(arguments);
    EXPECT_EQ(result.code, 2) << result.err;
    EXPECT_THAT(result.err, ::testing::StartsWith("error: "));
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }
}

TEST_F(CommandsTest, ListsEveryPage) {
  const Result result = Run({"stacks", "list", "-o", "name"});
  EXPECT_EQ(result.out, "projects/p/stacks/s\nprojects/p/stacks/s2\nprojects/p/stacks/s3\n");
  const Result json = Run({"stacks", "list", "-o", "json"});
  EXPECT_THAT(json.out, HasSubstr("\"nextPageToken\": \"\""));
  variables_.erase("STACKYARD_PROJECT");
  Run({"stacks", "list"});
  EXPECT_EQ(stacks_.parents.front(), "projects/p");
  EXPECT_EQ(stacks_.parents.back(), "projects/-");
}

TEST_F(CommandsTest, UpdateNamesWhatItChanges) {
  EXPECT_EQ(Run({"stacks", "update", "web", "--set", "repeat=4", "--title", "Web"}).code, 0);
  EXPECT_THAT(stacks_.updated.update_mask().paths(),
              ::testing::UnorderedElementsAre("parameters.repeat", "display_name"));
  EXPECT_EQ(stacks_.updated.stack().parameters().fields().at("repeat").number_value(), 4);
}

TEST_F(CommandsTest, PreviewShowsThePlanAndWhatIsShort) {
  v1::StackPreview preview;
  v1::ResourceChange* change = preview.mutable_plan()->add_changes();
  change->set_address("terraform_data.x");
  change->set_action(v1::ResourceChange::CREATE);
  v1::Shortfall* shortfall = preview.add_shortfalls();
  shortfall->set_metric("resources");
  shortfall->set_requested(3);
  shortfall->set_limit(2);
  Operation done = At(v1::OperationMetadata::FINISHED);
  done.set_done(true);
  done.mutable_response()->PackFrom(preview);
  operations_.script = {done};
  const Result result =
      Run({"stacks", "preview", "-t", "hello@1", "--set", "repeat=3", "--lease", "3d"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("+ terraform_data.x"));
  EXPECT_THAT(result.out, HasSubstr("Quota does not hold for it:"));
  EXPECT_EQ(stacks_.previewed.parent(), "projects/p");
  EXPECT_EQ(stacks_.previewed.stack().name(), "");
  EXPECT_EQ(stacks_.previewed.stack().parameters().fields().at("repeat").number_value(), 3);
  EXPECT_EQ(stacks_.previewed.stack().lease().duration().seconds(), 72 * 3600);

  operations_.script = {done};
  EXPECT_EQ(Run({"stacks", "preview", "web", "--set", "repeat=4"}).code, 0);
  const v1::Stack& changed = stacks_.previewed.stack();
  EXPECT_EQ(changed.name(), "projects/p/stacks/web");
  EXPECT_EQ(changed.template_version(), "templates/hello/versions/1");
  EXPECT_EQ(changed.parameters().fields().at("repeat").number_value(), 4);
  EXPECT_EQ(changed.parameters().fields().at("name").string_value(), "Ada")
      << "what is not said stays";
  EXPECT_EQ(Run({"stacks", "preview"}).code, 2) << "neither a stack nor a template";
}

TEST_F(CommandsTest, ImportSendsTheState) {
  const std::string path = directory_ + "/terraform.tfstate";
  std::ofstream(path) << R"({"version": 4})";
  const Result result = Run({"stacks", "import", "old", "-t", "hello@1", "--state", path, "--set",
                             "repeat=2", "--reason", "moving in"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(stacks_.imported.parent(), "projects/p");
  EXPECT_EQ(stacks_.imported.stack_id(), "old");
  EXPECT_EQ(stacks_.imported.state(), R"({"version": 4})");
  EXPECT_EQ(stacks_.imported.reason(), "moving in");
  EXPECT_FALSE(stacks_.imported.request_id().empty());
  EXPECT_EQ(stacks_.imported.stack().parameters().fields().at("repeat").number_value(), 2);
  EXPECT_EQ(Run({"stacks", "import", "old", "-t", "hello@1", "--state", path + ".none"}).code, 2);
}

TEST_F(CommandsTest, DriftRepairAndRollbackNameTheStack) {
  Operation done = Done();
  v1::Stack stack = Web(v1::Stack::READY);
  v1::ResourceChange* change = stack.mutable_drift()->add_changes();
  change->set_address("aws_s3_object.this");
  change->set_action(v1::ResourceChange::UPDATE);
  done.mutable_response()->PackFrom(stack);
  operations_.script = {done};
  const Result drift = Run({"stacks", "drift", "web", "--wait"});
  EXPECT_EQ(drift.code, 0) << drift.err;
  EXPECT_THAT(drift.out, HasSubstr("~ aws_s3_object.this"));
  EXPECT_EQ(Run({"stacks", "repair", "web"}).code, 0);
  EXPECT_EQ(Run({"stacks", "rollback", "web", "--to", "3"}).code, 0);
  EXPECT_THAT(stacks_.asked,
              ::testing::ElementsAre("drift projects/p/stacks/web", "repair projects/p/stacks/web",
                                     "rollback projects/p/stacks/web to 3"));
}

TEST_F(CommandsTest, ShowsAndApprovesThePlan) {
  const Result shown = Run({"requests", "get", "1"});
  EXPECT_EQ(shown.code, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr("+ terraform_data.x"));
  EXPECT_THAT(shown.out, HasSubstr("Quota: resources 1"));
  EXPECT_EQ(Run({"requests", "approve", "1", "--comment", "fine"}).code, 0);
  EXPECT_EQ(requests_.approved.plan_digest(), "d1g35t");
  EXPECT_EQ(requests_.approved.comment(), "fine");
  Run({"requests", "approve", "1", "--digest", "read-before"});
  EXPECT_EQ(requests_.approved.plan_digest(), "read-before");
}

TEST_F(CommandsTest, AsksForALongerLease) {
  const Result asked =
      Run({"stacks", "extend", "web", "--by", "1d12h", "--reason", "the sale goes on"});
  EXPECT_EQ(asked.code, 0) << asked.err;
  EXPECT_EQ(stacks_.extended.name(), "projects/p/stacks/web");
  EXPECT_EQ(stacks_.extended.duration().seconds(), 36 * 3600);
  EXPECT_EQ(stacks_.extended.reason(), "the sale goes on");
  EXPECT_EQ(asked.out, "Asked for in projects/p/changeRequests/7\n");
  stacks_.unreviewed = true;
  EXPECT_THAT(Run({"stacks", "extend", "web", "--by", "1h", "--reason", "x"}).out,
              HasSubstr("Its lease ends"));
  EXPECT_EQ(Run({"stacks", "extend", "web", "--by", "1h"}).code, 2) << "why?";
}

TEST_F(CommandsTest, AsksForMoreQuota) {
  const Result good = Run({"quota", "request", "vcpu=8", "--reason", "a sale"});
  EXPECT_EQ(good.code, 0) << good.err;
  EXPECT_EQ(good.out, "Asked for in projects/p/changeRequests/8: 8 more vcpu for good\n");
  EXPECT_EQ(requests_.asked.parent(), "projects/p");
  EXPECT_EQ(requests_.asked.quota_change().amount().metric(), "vcpu");
  EXPECT_EQ(requests_.asked.quota_change().amount().value(), 8);
  EXPECT_FALSE(requests_.asked.quota_change().has_end_time());
  EXPECT_EQ(requests_.asked.reason(), "a sale");
  EXPECT_FALSE(requests_.asked.request_id().empty());

  EXPECT_EQ(Run({"quota", "request", "vcpu=8", "--from", "2027-01-01", "--for", "2d", "--user",
                 "ann", "--reason", "a sale"})
                .code,
            0);
  const v1::QuotaChange& change = requests_.asked.quota_change();
  EXPECT_EQ(change.user(), "ann");
  EXPECT_EQ(change.end_time().seconds() - change.start_time().seconds(), 48 * 3600);

  for (const std::vector<std::string>& more : std::vector<std::vector<std::string>>{
           {},
           {"--reason", "x", "--from", "2027-01-01"},
           {"--reason", "x", "--for", "1d", "--until", "2027-01-01"}}) {
    std::vector<std::string> arguments = {"quota", "request", "vcpu=8"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    EXPECT_EQ(Run(arguments).code, 2);
  }
}

TEST_F(CommandsTest, ShowsRequestsWithoutAPlan) {
  const std::string longer = Run({"requests", "get", "2"}).out;
  EXPECT_THAT(longer, HasSubstr("longer by 24h"));
  EXPECT_THAT(longer, HasSubstr("vcpu 2"));
  EXPECT_THAT(longer, HasSubstr("(an estimate, from prices of 2026-01-31)"));
  EXPECT_THAT(Run({"requests", "get", "3"}).out, HasSubstr("8 more vcpu for good"));
}

TEST_F(CommandsTest, PublishPacksTheFolder) {
  std::filesystem::create_directories(directory_ + "/greeting");
  std::ofstream(directory_ + "/greeting/template.yaml") << "title: T\n";
  EXPECT_EQ(Run({"templates", "publish", directory_ + "/greeting/"}).code, 0);
  EXPECT_EQ(catalog_.published.parent(), "templates/greeting");
  const std::string version = catalog_.published.version_id();
  EXPECT_EQ(version.size(), 12u);
  EXPECT_EQ(catalog_.published.bundle().substr(0, 2), "\x1f\x8b");
  const Result again =
      Run({"templates", "publish", directory_ + "/greeting", "--version", "2", "--name", "hi"});
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(catalog_.published.parent(), "templates/hi");
  EXPECT_EQ(catalog_.published.version_id(), "2");
}

TEST_F(CommandsTest, OutputsForScripts) {
  EXPECT_EQ(Run({"stacks", "outputs", "web", "message"}).out, "Hello, Ada!\n");
  EXPECT_EQ(Run({"stacks", "outputs", "web", "nope"}).code, 3);
}

TEST_F(CommandsTest, SecretsGoToAFileOfOnesOwn) {
  const std::string file = directory_ + "/token";
  std::ofstream(file) << "old and longer than the new one";
  std::filesystem::permissions(file, std::filesystem::perms::all);
  const Result result = Run({"tokens", "create", "ann", "--file", file});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out + result.err, Not(HasSubstr("s3cr3t")));
  std::ifstream in(file);
  std::string text;
  std::getline(in, text);
  EXPECT_EQ(text, "s3cr3t");
  struct stat info = {};
  ASSERT_EQ(stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(CommandsTest, HelpAndVersion) {
  EXPECT_THAT(Run({"--help"}).out, HasSubstr("Exit codes:"));
  EXPECT_THAT(Run({"stacks", "create", "--help"}).out, HasSubstr("--params-file"));
  EXPECT_THAT(Run({"version"}).out, HasSubstr("stackyard 0."));
  EXPECT_EQ(Run({"--version"}).out, Run({"version"}).out);
}

TEST_F(CommandsTest, MistypedWordsGetAGuess) {
  const std::map<std::vector<std::string>, std::string> guesses = {
      {{"stakcs", "list"}, "there is no command \"stackyard stakcs\"; did you mean \"stacks\"?"},
      {{"stacks", "lsit"}, "there is no command \"stackyard stacks lsit\"; did you mean \"list\"?"},
      {{"stacks", "list", "--fliter", "x"},
       "there is no flag --fliter; did you mean \"--filter\"?"},
      {{"stacks", "get", "web", "--projet=p"}, "did you mean \"--project\"?"},
      {{"xyzzy"}, "there is no command \"stackyard xyzzy\" (see"},
      {{"help", "filtres"}, "did you mean \"filters\"?"},
  };
  for (const auto& [arguments, message] : guesses) {
    const Result result = Run(arguments);
    EXPECT_EQ(result.code, 2);
    EXPECT_THAT(result.err, HasSubstr(message));
  }
}

TEST_F(CommandsTest, ReadsThatComeTooOftenAreTriedAgain) {
  std::vector<absl::Duration> pauses;
  pause_ = [&](absl::Duration pause) { pauses.push_back(pause); };
  stacks_.limited = 2;
  const Result result = Run({"stacks", "get", "web"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(pauses, ::testing::ElementsAre(absl::Seconds(1), absl::Seconds(1)));
  // What changes something is not.
  stacks_.refusal = Error(v1::RATE_LIMITED, "slowly");
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(1);
  AttachDetail(stacks_.refusal, retry);
  EXPECT_EQ(Run({"stacks", "create", "web", "-t", "hello"}).code, 7);
  EXPECT_EQ(pauses.size(), 2u);
}

TEST_F(CommandsTest, WatchesAStackOverARestart) {
  stacks_.script = {Web(v1::Stack::PLANNING), Web(v1::Stack::APPLYING), Web(v1::Stack::READY)};
  stacks_.break_after = 1;
  const Result result = Run({"stacks", "watch", "web"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(stacks_.tokens, ::testing::ElementsAre("", "1", "2"));
  EXPECT_THAT(result.out, HasSubstr("PLANNING"));
  EXPECT_THAT(result.out, HasSubstr("READY"));
  EXPECT_EQ(std::count(result.out.begin(), result.out.end(), '\n'), 3) << "a line for each change";
  EXPECT_THAT(result.out, Not(HasSubstr("\033")));
  terminal_ = true;
  const Result live = Run({"stacks", "watch", "web"});
  EXPECT_THAT(live.out, HasSubstr("A\r\033[J")) << "in place of what was there";
}

TEST_F(CommandsTest, TablesAsOneLikes) {
  EXPECT_EQ(Run({"stacks", "list", "--columns", "state,NAME", "--no-headers"}).out,
            "READY   s\nREADY   s2\nREADY   s3\n");
  EXPECT_THAT(Run({"stacks", "list", "-o", "wide"}).out, HasSubstr("UID"));
  EXPECT_THAT(Run({"stacks", "list"}).out, Not(HasSubstr("UID")));
  const Result wrong = Run({"stacks", "list", "--columns", "NMAE"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("there are PROJECT, NAME, STATE"));
}

TEST_F(CommandsTest, TalksTlsAndChecksTheServer) {
  const std::string command = absl::StrCat(
      "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=test -addext "
      "subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout ",
      directory_, "/key.pem -out ", directory_, "/cert.pem 2>/dev/null");
  ASSERT_EQ(std::system(command.c_str()), 0);
  grpc::SslServerCredentialsOptions options;
  options.pem_key_cert_pairs.push_back(
      {*ReadFile("x", directory_ + "/key.pem"), *ReadFile("x", directory_ + "/cert.pem")});
  FakeIdentity identity;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(options), &port);
  builder.RegisterService(&identity);
  const auto server = builder.BuildAndStart();
  const std::string address = absl::StrCat("localhost:", port);
  const Result good =
      Run({"whoami", "--endpoint", "https://" + address, "--ca-file", directory_ + "/cert.pem"});
  EXPECT_EQ(good.code, 0) << good.err;
  EXPECT_EQ(identity.authorization, "Bearer t0ken");
  identity.authorization = "";
  EXPECT_EQ(Run({"whoami", "--endpoint", "https://" + address}).code, 7) << "nobody vouches for it";
  EXPECT_EQ(Run({"whoami", "--endpoint", address}).code, 7) << "it speaks TLS alone";
  EXPECT_EQ(identity.authorization, "");
  EXPECT_EQ(Run({"whoami", "--endpoint", address, "--ca-file", directory_ + "/none"}).code, 2);
  server->Shutdown();
}

TEST_F(CommandsTest, TakesAKubeconfigIn) {
  variables_["KUBECONFIG"] = directory_ + "/kube/config";
  const Result none = Run({"kubeconfig", "web"});
  EXPECT_EQ(none.code, 3);
  EXPECT_THAT(none.err, HasSubstr("declares none"));
  stacks_.file =
      R"({"current-context": "c", "clusters": [{"name": "c", "cluster": {"server": "s"}}],
    "users": [{"name": "u", "user": {"token": "t0"}}],
    "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}]})";
  EXPECT_EQ(Run({"kubeconfig", "web", "--print"}).out, stacks_.file);
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/kube"));
  const Result result = Run({"kubeconfig", "web"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(stacks_.asked.back(), "download projects/p/stacks/web/files/kubeconfig");
  EXPECT_THAT(*ReadFile("x", directory_ + "/kube/config"), HasSubstr("current-context: p/web"));
  struct stat info = {};
  ASSERT_EQ(stat((directory_ + "/kube/config").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  // Somebody else's program is at work.
  std::ofstream(directory_ + "/kube/config.lock") << "";
  EXPECT_EQ(Run({"kubeconfig", "web"}).code, 2);
}

TEST_F(CommandsTest, CompletesWords) {
  const auto offers = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"__complete", "--"});
    std::vector<std::string> names;
    for (const auto& line : absl::StrSplit(Run(words).out, '\n', absl::SkipEmpty())) {
      const std::string text(line);
      names.push_back(text.substr(0, text.find('\t')));
    }
    return names;
  };
  EXPECT_THAT(offers({"stac"}), ::testing::ElementsAre("stacks"));
  EXPECT_THAT(offers({"stacks", "re"}),
              ::testing::UnorderedElementsAre("retry", "repair", "resource", "resources",
                                              "revision", "revisions"));
  EXPECT_THAT(offers({"-p", "x", "stacks", "create", "--par"}),
              ::testing::ElementsAre("--params-file"));
  EXPECT_THAT(offers({"stacks", "create", "--proj"}), ::testing::ElementsAre("--project"));
  EXPECT_THAT(offers({"stacks", "create", "-t", ""}), ::testing::IsEmpty());
  variables_["XDG_CACHE_HOME"] = directory_ + "/cache";
  EXPECT_THAT(offers({"stacks", "get", ""}), ::testing::ElementsAre("s"));
  EXPECT_THAT(offers({"-p", "q", "stacks", "get", "s"}), ::testing::ElementsAre("s"));
  EXPECT_THAT(stacks_.parents, ::testing::ElementsAre("projects/p", "projects/q"));
  EXPECT_THAT(offers({"stacks", "get", "s"}), ::testing::ElementsAre("s"));
  EXPECT_EQ(stacks_.parents.size(), 2u) << "what was said a moment ago is remembered";
  EXPECT_THAT(offers({"stacks", "list", "-o", "y"}), ::testing::ElementsAre("yaml"));
  // Files where files belong.
  EXPECT_EQ(Run({"__complete", "--", "apply", "-f", ""}).code, 10);
  EXPECT_EQ(Run({"__complete", "--", "stacks", "get", ""}).code, 0);
  for (const char* shell : {"bash", "zsh", "fish"}) {
    EXPECT_THAT(Run({"completion", shell}).out, HasSubstr("stackyard __complete --"));
  }
}

}  // namespace
}  // namespace stackyard::cli
