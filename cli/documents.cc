#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "cli/commands.h"
#include "cli/names.h"
#include "cli/text.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "google/api/httpbody.pb.h"
#include "google/protobuf/empty.pb.h"
#include "stackyard/v1/documents.pb.h"

namespace stackyard::cli {
namespace {

struct DocumentFlags {
  std::string name, file, etag, out;
  bool open = false;
  bool closed = false;
};

// Absent when neither is given.
absl::StatusOr<std::optional<bool>> Openness(const DocumentFlags& flags) {
  if (flags.open && flags.closed)
    return InvalidField("public", "give --public or --private, not both");
  if (!flags.open && !flags.closed) return std::optional<bool>();
  return std::optional<bool>(flags.open);
}

void ShowDocument(Context& context, const v1::Document& document) {
  Fields fields;
  fields.Add("Name", document.name());
  fields.Add("Public", document.public_() ? "yes, at /api/" + LastPart(document.name()) : "no");
  fields.Add("Stack", document.stack());
  fields.Add("Bytes", absl::StrCat(document.size_bytes()));
  fields.Add("Digest", document.digest());
  fields.Add("Created", TimeText(document.create_time()));
  fields.Add("Changed", TimeText(document.update_time()));
  fields.Add("Etag", document.etag());
  context.output().Show(fields);
}

absl::Status Put(Context& context, const DocumentFlags& flags) {
  v1::PutDocumentRequest request;
  request.set_name(InCollection("documents", flags.name));
  ASSIGN_OR_RETURN(std::string text, ReadFileOrInput(context.environment(), "FILE", flags.file));
  // Told here with the place of the fault; the service judges the rest.
  try {
    const nlohmann::json parsed = nlohmann::json::parse(text);
    if (!parsed.is_object()) return InvalidField("FILE", flags.file + " must hold a JSON object");
  } catch (const nlohmann::json::parse_error& error) {
    return InvalidField("FILE", absl::StrCat(flags.file, " is no JSON: ", error.what()));
  }
  request.mutable_content()->set_content_type("application/json");
  request.mutable_content()->set_data(std::move(text));
  ASSIGN_OR_RETURN(const std::optional<bool> open, Openness(flags));
  if (open.has_value()) request.set_public_(*open);
  request.set_etag(flags.etag);
  return context.Show<v1::Document>(
      "DocumentService/PutDocument", request,
      [&](const v1::Document& document) { ShowDocument(context, document); });
}

absl::Status Update(Context& context, const DocumentFlags& flags) {
  v1::UpdateDocumentRequest request;
  request.mutable_document()->set_name(InCollection("documents", flags.name));
  request.mutable_document()->set_etag(flags.etag);
  ASSIGN_OR_RETURN(const std::optional<bool> open, Openness(flags));
  if (!open.has_value()) return InvalidField("update", "give --public or --private");
  request.mutable_document()->set_public_(*open);
  request.mutable_update_mask()->add_paths("public");
  return context.Show<v1::Document>(
      "DocumentService/UpdateDocument", request,
      [&](const v1::Document& document) { ShowDocument(context, document); });
}

absl::Status Get(Context& context, const std::string& name) {
  v1::GetDocumentRequest request;
  request.set_name(InCollection("documents", name));
  return context.Show<v1::Document>(
      "DocumentService/GetDocument", request, [&](const v1::Document& document) {
        ShowDocument(context, document);
        context.Note("Its content: stackyard documents read " + LastPart(document.name()));
      });
}

// The very bytes, whatever --output says.
absl::Status Read(Context& context, const DocumentFlags& flags, bool as_anybody) {
  google::api::HttpBody body;
  if (as_anybody) {
    v1::ReadPublicDocumentRequest request;
    request.set_document(LastPart(flags.name));
    RETURN_IF_ERROR(context.client().Call("DocumentService/ReadPublicDocument", request, &body));
  } else {
    v1::ReadDocumentRequest request;
    request.set_name(InCollection("documents", flags.name));
    RETURN_IF_ERROR(context.client().Call("DocumentService/ReadDocument", request, &body));
  }
  if (!flags.out.empty()) return WriteFile("out", flags.out, body.data());
  context.output().out() << body.data() << std::flush;
  return absl::OkStatus();
}

absl::Status List(Context& context, const std::string& filter) {
  v1::ListDocumentsRequest request;
  request.set_filter(filter);
  v1::ListDocumentsResponse response;
  RETURN_IF_ERROR(context.client().List("DocumentService/ListDocuments", request, &response));
  return context.output().Write(response, [&] {
    Table table({"NAME", "PUBLIC", "BYTES", "STACK", "CHANGED", "+DIGEST"});
    for (const v1::Document& document : response.documents()) {
      table.Add({LastPart(document.name()), document.public_() ? "yes" : "no",
                 absl::StrCat(document.size_bytes()), document.stack(),
                 Age(document.update_time(), context.Now()), document.digest()});
    }
    context.output().Show(table);
  });
}

absl::Status Delete(Context& context, const DocumentFlags& flags) {
  v1::DeleteDocumentRequest request;
  request.set_name(InCollection("documents", flags.name));
  request.set_etag(flags.etag);
  google::protobuf::Empty response;
  RETURN_IF_ERROR(context.client().Call("DocumentService/DeleteDocument", request, &response));
  context.Note(request.name() + " is deleted");
  return absl::OkStatus();
}

}  // namespace

void AddDocumentCommands(Command root, Context& context) {
  Command documents = root.Sub("documents", "JSON objects that programs read");
  const auto flags = std::make_shared<DocumentFlags>();
  const auto filter = std::make_shared<std::string>();
  const auto anybody = std::make_shared<bool>(false);
  const std::string etag = "Only if this is still its etag";
  documents.Sub("put", "Write a document, whether there is one already or not")
      .Argument("DOCUMENT", &flags->name, "Document")
      .Argument("FILE", &flags->file, "File with the JSON object; - is the standard input")
      .Flag("--public", &flags->open, "Anybody may read it")
      .Flag("--private", &flags->closed, "Nobody without the permission may read it")
      .Option("--etag", &flags->etag, "ETAG", etag)
      .Run([&context, flags] { return Put(context, *flags); });
  documents.Sub("get", "Show what is known of a document")
      .Argument("DOCUMENT", &flags->name, "Document")
      .Run([&context, flags] { return Get(context, flags->name); });
  documents.Sub("read", "Write its bytes to the standard output")
      .Argument("DOCUMENT", &flags->name, "Document")
      .Option("--out", &flags->out, "PATH", "To this file instead")
      .Flag("--as-anybody", anybody.get(), "As somebody without a token would")
      .Run([&context, flags, anybody] { return Read(context, *flags, *anybody); });
  documents.Sub("list", "List documents")
      .Option("--filter", filter.get(), "EXPRESSION", "AIP-160 filter, like 'public = true'")
      .Run([&context, filter] { return List(context, *filter); });
  documents.Sub("update", "Open a document to everybody, or close it")
      .Argument("DOCUMENT", &flags->name, "Document")
      .Flag("--public", &flags->open, "Anybody may read it")
      .Flag("--private", &flags->closed, "Nobody without the permission may read it")
      .Option("--etag", &flags->etag, "ETAG", etag)
      .Run([&context, flags] { return Update(context, *flags); });
  documents.Sub("delete", "Delete a document")
      .Argument("DOCUMENT", &flags->name, "Document")
      .Option("--etag", &flags->etag, "ETAG", etag)
      .Run([&context, flags] { return Delete(context, *flags); });
}

}  // namespace stackyard::cli
