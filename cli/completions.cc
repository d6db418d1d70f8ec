#include "cli/completions.h"

#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cli/atomic_file.h"
#include "cli/config.h"
#include "cli/names.h"
#include "common/id.h"
#include "stackyard/v1/catalog.pb.h"
#include "stackyard/v1/change_requests.pb.h"
#include "stackyard/v1/credentials.pb.h"
#include "stackyard/v1/documents.pb.h"
#include "stackyard/v1/identity.pb.h"
#include "stackyard/v1/notifications.pb.h"
#include "stackyard/v1/operations.pb.h"
#include "stackyard/v1/projects.pb.h"
#include "stackyard/v1/quota.pb.h"
#include "stackyard/v1/runs.pb.h"
#include "stackyard/v1/stacks.pb.h"

namespace stackyard::cli {
namespace {

using Offer = Completion::Offer;
using Offers = std::vector<Offer>;

// Who presses Tab does not wait.
constexpr absl::Duration kPatience = absl::Seconds(1);
constexpr absl::Duration kFresh = absl::Seconds(10);
constexpr int kMost = 200;

// One page of a listing; nothing when it is refused.
template <typename Request, typename Response>
Response Page(Context& context, const std::string& method, Request request) {
  request.set_page_size(kMost);
  Response response;
  if (!context.client().Call(method, request, &response, kPatience).ok()) response.Clear();
  return response;
}

// Parent of a listing in the project.
std::string Project(const Context& context) { return ProjectOrAll(context.project()); }

// A short name, or the full one where no project is in use.
std::string Short(const Context& context, const std::string& name) {
  return context.project().empty() ? name : LastPart(name);
}

Offers Stacks(Context& context, const std::string&) {
  v1::ListStacksRequest request;
  request.set_parent(Project(context));
  Offers offers;
  const auto response = Page<v1::ListStacksRequest, v1::ListStacksResponse>(
      context, "StackService/ListStacks", request);
  for (const auto& one : response.stacks()) {
    offers.push_back({Short(context, one.name()), v1::Stack::State_Name(one.state())});
  }
  return offers;
}

// A stack stands for its newest run.
Offers Runs(Context& context, const std::string& typed) {
  const size_t slash = typed.find('/');
  if (slash == std::string::npos || absl::StartsWith(typed, "projects/"))
    return Stacks(context, typed);
  const std::string stack = typed.substr(0, slash);
  v1::ListRunsRequest request;
  request.set_parent(absl::StrCat(Project(context), "/stacks/", stack));
  Offers offers;
  const auto response =
      Page<v1::ListRunsRequest, v1::ListRunsResponse>(context, "RunService/ListRuns", request);
  for (const auto& one : response.runs()) {
    offers.push_back(
        {absl::StrCat(stack, "/", LastPart(one.name())),
         absl::StrCat(v1::Run::Type_Name(one.type()), " ", v1::Run::State_Name(one.state()))});
  }
  return offers;
}

Offers Templates(Context& context, const std::string& typed) {
  Offers offers;
  const size_t at = typed.find('@');
  if (at != std::string::npos) {
    const std::string name = typed.substr(0, at);
    v1::ListTemplateVersionsRequest request;
    request.set_parent("templates/" + name);
    const auto response = Page<v1::ListTemplateVersionsRequest, v1::ListTemplateVersionsResponse>(
        context, "CatalogService/ListTemplateVersions", request);
    for (const auto& one : response.template_versions()) {
      offers.push_back({absl::StrCat(name, "@", LastPart(one.name())),
                        v1::TemplateVersion::State_Name(one.state())});
    }
    return offers;
  }
  const auto response = Page<v1::ListTemplatesRequest, v1::ListTemplatesResponse>(
      context, "CatalogService/ListTemplates", {});
  for (const auto& one : response.templates()) {
    offers.push_back({LastPart(one.name()), one.title()});
  }
  return offers;
}

Offers Projects(Context& context, const std::string&) {
  Offers offers;
  const auto response = Page<v1::ListProjectsRequest, v1::ListProjectsResponse>(
      context, "ProjectService/ListProjects", {});
  for (const auto& one : response.projects()) {
    offers.push_back({LastPart(one.name()), one.display_name()});
  }
  return offers;
}

Offers Requests(Context& context, const std::string&) {
  v1::ListChangeRequestsRequest request;
  request.set_parent(Project(context));
  request.set_filter("state = PENDING");
  Offers offers;
  const auto response = Page<v1::ListChangeRequestsRequest, v1::ListChangeRequestsResponse>(
      context, "ChangeRequestService/ListChangeRequests", request);
  for (const auto& one : response.change_requests()) {
    offers.push_back({Short(context, one.name()), one.summary()});
  }
  return offers;
}

Offers Operations(Context& context, const std::string&) {
  v1::ListOperationsRequest request;
  request.set_filter("done = false");
  Offers offers;
  const auto response = Page<v1::ListOperationsRequest, v1::ListOperationsResponse>(
      context, "OperationService/ListOperations", request);
  for (const auto& one : response.operations()) {
    v1::OperationMetadata metadata;
    one.metadata().UnpackTo(&metadata);
    offers.push_back({LastPart(one.name()), absl::StrCat(metadata.verb(), " ", metadata.target())});
  }
  return offers;
}

Offers Users(Context& context, const std::string&) {
  Offers offers;
  const auto response =
      Page<v1::ListUsersRequest, v1::ListUsersResponse>(context, "IdentityService/ListUsers", {});
  for (const auto& one : response.users()) {
    offers.push_back({LastPart(one.name()), one.display_name()});
  }
  return offers;
}

Offers Roles(Context& context, const std::string&) {
  Offers offers;
  const auto response =
      Page<v1::ListRolesRequest, v1::ListRolesResponse>(context, "IdentityService/ListRoles", {});
  for (const auto& one : response.roles()) {
    offers.push_back({LastPart(one.name()), one.display_name()});
  }
  return offers;
}

Offers Metrics(Context& context, const std::string&) {
  Offers offers;
  const auto response = Page<v1::ListMetricsRequest, v1::ListMetricsResponse>(
      context, "QuotaService/ListMetrics", {});
  for (const auto& one : response.metrics()) {
    offers.push_back({LastPart(one.name()), one.display_name()});
  }
  return offers;
}

Offers Documents(Context& context, const std::string&) {
  Offers offers;
  const auto response = Page<v1::ListDocumentsRequest, v1::ListDocumentsResponse>(
      context, "DocumentService/ListDocuments", {});
  for (const auto& one : response.documents()) {
    offers.push_back({LastPart(one.name()), one.public_() ? "public" : ""});
  }
  return offers;
}

Offers Channels(Context& context, const std::string&) {
  v1::ListNotificationChannelsRequest request;
  request.set_parent(Project(context));
  Offers offers;
  const auto response =
      Page<v1::ListNotificationChannelsRequest, v1::ListNotificationChannelsResponse>(
          context, "NotificationService/ListNotificationChannels", request);
  for (const auto& one : response.notification_channels()) {
    offers.push_back({Short(context, one.name()), one.display_name()});
  }
  return offers;
}

Offers Credentials(Context& context, const std::string&) {
  v1::ListCredentialsRequest request;
  request.set_parent(Project(context));
  Offers offers;
  const auto response = Page<v1::ListCredentialsRequest, v1::ListCredentialsResponse>(
      context, "CredentialService/ListCredentials", request);
  for (const auto& one : response.credentials()) {
    offers.push_back({Short(context, one.name()), one.display_name()});
  }
  return offers;
}

using Lister = Offers (*)(Context&, const std::string&);

// By the labels of arguments and values.
const std::map<std::string, Lister>& Listers() {
  static const std::map<std::string, Lister> kListers = {
      {"STACK", Stacks},
      {"STATE", Stacks},
      {"RUN", Runs},
      {"TEMPLATE", Templates},
      {"TEMPLATE[@VERSION]", Templates},
      {"TEMPLATE@VERSION", Templates},
      {"PROJECT", Projects},
      {"REQUEST", Requests},
      {"OPERATION", Operations},
      {"USER", Users},
      {"MEMBER", Users},
      {"ROLE", Roles},
      {"METRIC", Metrics},
      {"DOCUMENT", Documents},
      {"CHANNEL", Channels},
      {"CREDENTIAL", Credentials},
  };
  return kListers;
}

// What needs no server.
Offers Known(const Context& context, const std::string& label) {
  Offers offers;
  if (label == "CONTEXT" || label == "CONTEXT|URL") {
    const auto config = LoadConfig(context.environment());
    if (!config.ok()) return offers;
    for (const ServerContext& one : config->contexts) offers.push_back({one.name, one.endpoint});
  } else if (label == "FORMAT") {
    offers = {{"table", ""}, {"wide", "more columns"}, {"json", ""}, {"yaml", ""}, {"name", ""}};
  } else if (label == "STAGE") {
    for (const char* stage : {"queued", "preparing", "planning", "reserving", "awaiting-approval",
                              "applying", "destroying", "finished"}) {
      offers.push_back({stage, ""});
    }
  } else if (label == "on|off") {
    offers = {{"on", ""}, {"off", ""}};
  }
  return offers;
}

std::string CacheFolder(const Environment& environment) {
  const std::string cache = environment.Variable("XDG_CACHE_HOME");
  if (!cache.empty()) return cache + "/stackyard";
  const std::string home = environment.Variable("HOME");
  return home.empty() ? "" : home + "/.cache/stackyard";
}

// One file for each question: who asks, whom and what.
std::string CachePath(const Context& context, const Completion& completion) {
  const std::string folder = CacheFolder(context.environment());
  if (folder.empty()) return "";
  const Settings& settings = context.settings();
  const size_t part = completion.typed.find_first_of("/@");
  const std::string key =
      absl::StrCat(settings.endpoint.value, "\n", settings.context.value, "\n",
                   settings.project.value, "\n", settings.token.value, "\n", completion.label, "\n",
                   part == std::string::npos ? "" : completion.typed.substr(0, part + 1));
  return absl::StrCat(folder, "/completion-", Sha256Hex(key).substr(0, 24));
}

Offers Parse(const std::string& text) {
  Offers offers;
  for (const auto line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(line, absl::MaxSplits('\t', 1));
    offers.push_back({parts.first, parts.second});
  }
  return offers;
}

std::string Text(const Offers& offers) {
  std::string text;
  for (const Offer& offer : offers) {
    const std::string about = offer.about.substr(0, offer.about.find_first_of("\n\t"));
    absl::StrAppend(&text, offer.word, "\t", about, "\n");
  }
  return text;
}

// What was said some seconds ago; nothing when it is older.
std::optional<Offers> Remembered(const Context& context, const std::string& path) {
  struct stat info = {};
  if (path.empty() || stat(path.c_str(), &info) != 0) return std::nullopt;
  const absl::Duration age = context.Now() - absl::TimeFromTimespec(info.st_mtim);
  if (age > kFresh || age < -kFresh) return std::nullopt;
  const auto text = ReadFile("cache", path);
  if (!text.ok()) return std::nullopt;
  return Parse(*text);
}

}  // namespace

void AddNames(Context& context, Completion& completion) {
  Offers offers = Known(context, completion.label);
  const auto lister = Listers().find(completion.label);
  if (lister != Listers().end()) {
    const auto set = [&](const char* flag, std::string& target) {
      const auto found = completion.globals.find(flag);
      if (found != completion.globals.end()) target = found->second;
    };
    set("--context", context.flags.context);
    set("--endpoint", context.flags.endpoint);
    set("--project", context.flags.project);
    set("--token", context.flags.token);
    set("--token-file", context.flags.token_file);
    set("--ca-file", context.flags.ca_file);
    if (!context.Resolve().ok()) return;
    const std::string path = CachePath(context, completion);
    if (auto remembered = Remembered(context, path)) {
      offers = *std::move(remembered);
    } else {
      offers = lister->second(context, completion.typed);
      // Nothing may be a failure: it is asked again.
      if (!offers.empty() && !path.empty() &&
          MakePrivateFolder("cache", CacheFolder(context.environment())).ok()) {
        (void)ReplaceFile("cache", path, Text(offers), 0600);
      }
    }
  }
  for (Offer& offer : offers) {
    if (absl::StartsWith(offer.word, completion.typed)) {
      completion.offers.push_back(std::move(offer));
    }
  }
}

bool TakesFiles(const Completion& completion) {
  for (const char* label : {"PATH", "DIR", "FILE"}) {
    if (completion.label == label) return true;
  }
  return false;
}

std::string CompletionText(const Completion& completion) { return Text(completion.offers); }

}  // namespace stackyard::cli
