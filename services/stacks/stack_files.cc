#include "services/stacks/stack_files.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/resource_name.h"
#include "common/status.h"
#include "services/stacks/catalog_store.h"
#include "services/stacks/events.h"
#include "services/stacks/output_text.h"

namespace stackyard::stacks {
namespace {

using google::api::HttpBody;
using v1::Stack;

// Where the content of a file is.
struct Place {
  std::string state_digest;
  std::string output;
};

// The version that was applied; what is proposed may have other files.
absl::StatusOr<StoredVersion> AppliedVersion(soci::session& sql, const StackName& name,
                                             const Stack& stack) {
  std::string version = stack.template_version();
  if (stack.applied_revision() > 0) {
    ASSIGN_OR_RETURN(const RevisionRecord applied,
                     FindRevision(sql, name, stack.applied_revision()));
    version = applied.revision().template_version();
  }
  return FindVersionByName(sql, "template_version", version);
}

absl::StatusOr<Place> FindPlace(soci::session& sql, const StackName& name,
                                const std::string& filename) {
  ASSIGN_OR_RETURN(const StackRecord record, FindStack(sql, name));
  const Stack& stack = record.stack();
  ASSIGN_OR_RETURN(const StoredVersion stored, AppliedVersion(sql, name, stack));
  const auto& files = stored.version.files();
  const auto file = std::find_if(files.begin(), files.end(), [&](const v1::OutputFile& one) {
    return one.filename() == filename;
  });
  if (file == files.end()) return NotFound(absl::StrCat(name.ToString(), "/files/", filename));
  if (record.state_digest().empty() || stack.outputs().count(file->output()) == 0) {
    return Error(v1::WRONG_STATE,
                 absl::StrCat(stack.name(), " is ", Stack::State_Name(stack.state()),
                              " and has no output ", file->output(), " to make ", filename, " of"),
                 {{"resource", stack.name()}});
  }
  return Place{record.state_digest(), file->output()};
}

}  // namespace

void ShowFiles(const v1::TemplateVersion& version, Stack& stack) {
  stack.clear_files();
  for (const v1::OutputFile& file : version.files()) {
    if (stack.outputs().count(file.output()) > 0) stack.add_files(file.filename());
  }
}

std::string ContentTypeOf(std::string_view filename) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kTypes = {{
      {".json", "application/json"},
      {".yaml", "application/yaml"},
      {".yml", "application/yaml"},
      {"kubeconfig", "application/yaml"},
      {".txt", "text/plain; charset=utf-8"},
      {".pem", "text/plain; charset=utf-8"},
  }};
  for (const auto& [ending, type] : kTypes) {
    if (filename.ends_with(ending)) return std::string(type);
  }
  return filename.find('.') == std::string_view::npos ? "text/plain; charset=utf-8"
                                                      : "application/octet-stream";
}

absl::StatusOr<HttpBody> StackFiles::Download(const Principal& caller,
                                              const v1::DownloadFileRequest& request) {
  ASSIGN_OR_RETURN(const auto parts,
                   ParseName("name", request.name(), "projects/*/stacks/*/files/*"));
  const StackName name{parts[0], parts[1]};
  const std::string& filename = parts[2];
  ASSIGN_OR_RETURN(
      const Place place,
      store_.WriteValue<Place>(ActorOf(caller), [&](Change& change) -> absl::StatusOr<Place> {
        ASSIGN_OR_RETURN(Place found, FindPlace(change.sql, name, filename));
        v1::Event event;
        event.set_type("stack.fileDownloaded");
        event.set_resource(name.ToString());
        event.set_message(absl::StrCat("its file ", filename, " was read in clear"));
        RETURN_IF_ERROR(AppendEvent(change, name.project, event));
        return found;
      }));
  ASSIGN_OR_RETURN(const std::string state, blobs_.Get(place.state_digest));
  ASSIGN_OR_RETURN(auto outputs, ReadOutputs(state));
  const auto output = outputs.find(place.output);
  // The state was replaced since, by a run that is under way.
  if (output == outputs.end()) return NotFound(request.name());
  HttpBody body;
  body.set_content_type(ContentTypeOf(filename));
  body.set_data(output->second.is_string ? std::move(output->second.text)
                                         : std::move(output->second.json));
  return body;
}

}  // namespace stackyard::stacks
