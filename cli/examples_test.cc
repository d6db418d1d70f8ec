// Every command has an example that works, and together they call every RPC of the public API.
#include "cli/examples.h"

#include <google/protobuf/dynamic_message.h>
#include <grpcpp/generic/async_generic_service.h>
#include <unistd.h>

#include <set>

#include "absl/strings/str_replace.h"
#include "cli/app.h"
#include "cli/fake_server.h"
#include "google/api/httpbody.pb.h"
#include "google/api/resource.pb.h"
#include "stackyard/v1/identity.pb.h"
#include "stackyard/v1/system.pb.h"

namespace stackyard::cli {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr char kKubeconfig[] = R"({"apiVersion": "v1", "kind": "Config", "current-context": "c",
  "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
  "users": [{"name": "u", "user": {"token": "t"}}],
  "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}]})";

// An answer in which all is well: operations are done, lists have one row, questions are answered
// with yes.
void FillIn(Message& message, bool top) {
  const auto* type = message.GetDescriptor();
  const auto* reflection = message.GetReflection();
  if (auto* operation = dynamic_cast<Operation*>(&message)) {
    operation->set_name("operations/o1");
    operation->set_done(true);
    return;
  }
  if (auto* body = dynamic_cast<google::api::HttpBody*>(&message)) {
    body->set_data(kKubeconfig);
    return;
  }
  if (auto* config = dynamic_cast<v1::ServiceConfig*>(&message)) config->set_service("gateway");
  if (auto* stack = dynamic_cast<v1::Stack*>(&message)) {
    (*stack->mutable_outputs())["message"].mutable_value()->set_string_value("Hello");
  }
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor* field = type->field(i);
    if (field->containing_oneof() != nullptr || field->is_map()) continue;
    const auto& patterns = type->options().GetExtension(google::api::resource);
    if (field->name() == "name" && patterns.pattern_size() > 0) {
      std::string name = patterns.pattern(0);
      for (size_t from; (from = name.find('{')) != std::string::npos;) {
        name.replace(from, name.find('}', from) - from + 1, "x1");
      }
      reflection->SetString(&message, field, name);
    } else if (field->is_repeated()) {
      if (top && field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        FillIn(*reflection->AddMessage(&message, field), false);
      }
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_BOOL) {
      reflection->SetBool(&message, field, true);
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
               field->message_type()->full_name() == "google.longrunning.Operation") {
      FillIn(*reflection->MutableMessage(&message, field), false);
    }
  }
}

// Answers any RPC, and remembers that it was called.
class AnyService : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    return new Reactor(*this, context->method());
  }
  std::set<std::string> called() const {
    absl::MutexLock lock(&mutex_);
    return called_;
  }

 private:
  class Reactor : public grpc::ServerGenericBidiReactor {
   public:
    Reactor(AnyService& service, const std::string& method) : service_(service), method_(method) {
      StartRead(&request_);
    }
    void OnReadDone(bool ok) override {
      if (!ok) return Finish(grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "no request"));
      answer_ = service_.Answer(method_, request_);
      StartWriteAndFinish(&answer_, {}, grpc::Status::OK);
    }
    void OnDone() override { delete this; }

   private:
    AnyService& service_;
    const std::string method_;
    grpc::ByteBuffer request_, answer_;
  };

  grpc::ByteBuffer Answer(const std::string& path, const grpc::ByteBuffer& request) {
    // `/stackyard.v1.StackService/GetStack`.
    const std::string name = absl::StrReplaceAll(path.substr(1), {{"/", "."}});
    {
      absl::MutexLock lock(&mutex_);
      called_.insert(name);
    }
    const auto* method = DescriptorPool::generated_pool()->FindMethodByName(name);
    const Message* prototype =
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(method->output_type());
    const std::unique_ptr<Message> answer(prototype->New());
    FillIn(*answer, true);
    if (auto* permissions = dynamic_cast<v1::TestPermissionsResponse*>(answer.get())) {
      grpc::Slice slice;
      EXPECT_TRUE(request.DumpToSingleSlice(&slice).ok());
      v1::TestPermissionsRequest asked;
      asked.ParseFromArray(slice.begin(), static_cast<int>(slice.size()));
      *permissions->mutable_permissions() = asked.permissions();
    }
    const grpc::Slice slice(answer->SerializeAsString());
    return grpc::ByteBuffer(&slice, 1);
  }

  mutable absl::Mutex mutex_;
  std::set<std::string> called_ ABSL_GUARDED_BY(mutex_);
};

// Words as a shell makes them; what is behind `<` is answered as the input's file.
std::vector<std::string> Words(const std::string& line, std::string& input) {
  std::vector<std::string> words;
  std::string word;
  bool begun = false;
  char quote = 0;
  for (const char c : line + " ") {
    if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else {
        word.push_back(c);
      }
    } else if (c == '\'' || c == '"') {
      quote = c;
      begun = true;
    } else if (c == ' ') {
      if (begun) words.push_back(word);
      word.clear();
      begun = false;
    } else {
      word.push_back(c);
      begun = true;
    }
  }
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] != "<" && words[i] != ">") continue;
    if (words[i] == "<") input = words[i + 1];
    words.resize(i);
  }
  return words;
}

class ExamplesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/examples_test.XXXXXX";
    directory_ = mkdtemp(pattern);
    ASSERT_EQ(chdir(directory_.c_str()), 0);
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterCallbackGenericService(&service_);
    server_ = builder.BuildAndStart();
    endpoint_ = absl::StrCat("127.0.0.1:", port);
  }
  void TearDown() override {
    server_->Shutdown();
    ASSERT_EQ(chdir("/"), 0);
    std::filesystem::remove_all(directory_);
  }

  void Write(const std::string& path, const std::string& text) {
    const auto folder = std::filesystem::path(path).parent_path();
    if (!folder.empty()) std::filesystem::create_directories(folder);
    std::ofstream(path) << text;
  }

  // What examples speak of.
  void Prepare() {
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
      std::filesystem::remove_all(entry.path());
    }
    Write("hello/template.yaml", "title: T\n");
    Write("params.yaml", "name: Ada\n");
    Write("terraform.tfstate", "{}");
    Write("flags.json", "{}");
    Write("key", "0123456789abcdef0123456789abcdef");
    Write("admin-token", "t0ken\n");
    const std::string stack =
        "kind: Stack\nname: greeting\nproject: web\ntemplateVersion: hello@1\n";
    Write("stack.yaml", stack);
    Write("stacks/one.yaml", stack);
    Write("config/stackyard/config.yaml",
          absl::StrCat("current-context: here\ncontexts:\n- {name: here, endpoint: '", endpoint_,
                       "', project: web}\n- {name: prod, endpoint: 'https://b'}\n"
                       "- {name: stackyard.example.com, endpoint: 'https://c'}\n"));
  }

  Result Run(const std::string& line) {
    Prepare();
    std::string input;
    std::vector<std::string> words = Words(line, input);
    for (std::string& word : words) {
      if (word == "127.0.0.1:8081") word = endpoint_;
      // The context that the examples speak of is not made yet.
      if (absl::StartsWith(line, "contexts rename") && word == "prod") word = "other";
    }
    std::ostringstream out, err;
    std::istringstream in(input.empty() ? "y\n" : *ReadFile("in", input));
    const std::map<std::string, std::string> variables = {
        {"XDG_CONFIG_HOME", directory_ + "/config"},
        {"HOME", directory_ + "/home"},
        {"AWS_ACCESS_KEY_ID", "a"},
        {"AWS_SECRET_ACCESS_KEY", "b"},
        {"STACKYARD_TOKEN", "t0ken"},
    };
    const Environment environment{
        .out = out,
        .err = err,
        .variable = [&](const std::string& name) -> std::optional<std::string> {
          const auto found = variables.find(name);
          if (found == variables.end()) return std::nullopt;
          return found->second;
        },
        .clock = clock_,
        .in = &in,
        .in_is_terminal = input.empty(),
    };
    const int code = RunApp(words, environment);
    return {code, out.str(), err.str()};
  }

  std::vector<CommandHelp> Commands() {
    std::ostringstream out;
    const Environment environment{.out = out,
                                  .err = out,
                                  .variable = [](const std::string&) { return std::nullopt; },
                                  .clock = clock_};
    return AllCommands(environment);
  }

  std::string directory_, endpoint_;
  SystemClock clock_;
  AnyService service_;
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(ExamplesTest, EveryCommandHasExamplesOfItself) {
  std::set<std::string> leaves;
  for (const CommandHelp& command : Commands()) {
    if (command.group) continue;
    leaves.insert(command.Name());
    EXPECT_FALSE(command.examples.empty()) << command.Name() << " has no example";
    for (const std::string& line : command.examples) {
      EXPECT_TRUE(line == command.Name() || absl::StartsWith(line, command.Name() + " ")) << line;
    }
  }
  for (const auto& [name, lines] : Examples()) {
    EXPECT_EQ(leaves.count(name), 1u) << "there is no command " << name;
  }
}

TEST_F(ExamplesTest, EveryExampleWorksAndTogetherTheyCallEveryRpc) {
  for (const auto& [name, lines] : Examples()) {
    for (const std::string& line : lines) {
      // The way by a browser is tested with a provider.
      if (line == "login --server https://stackyard.example.com") continue;
      const Result result = Run(line);
      // 1: something is different.
      const bool diff = name == "diff" || line.find("--dry-run") != std::string::npos;
      EXPECT_EQ(result.code, diff ? 1 : 0) << "stackyard " << line << "\n" << result.err;
    }
  }
  const std::set<std::string> called = service_.called();
  int methods = 0;
  for (const auto& entry : std::filesystem::directory_iterator(STACKYARD_PROTOS)) {
    if (entry.path().extension() != ".proto") continue;
    const std::string file = "stackyard/v1/" + entry.path().filename().string();
    const auto* proto = DescriptorPool::generated_pool()->FindFileByName(file);
    ASSERT_NE(proto, nullptr) << "no command knows of " << file;
    for (int i = 0; i < proto->service_count(); ++i) {
      for (int j = 0; j < proto->service(i)->method_count(); ++j) {
        const std::string& method = proto->service(i)->method(j)->full_name();
        EXPECT_EQ(called.count(method), 1u) << "no command calls " << method;
        ++methods;
      }
    }
  }
  EXPECT_GT(methods, 100);
}

}  // namespace
}  // namespace stackyard::cli
