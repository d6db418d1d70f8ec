#include "cli/manifest.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/context.h"
#include "cli/nearest.h"
#include "cli/text.h"
#include "cli/yaml_value.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "google/api/field_behavior.pb.h"
#include "stackyard/v1/documents.pb.h"
#include "stackyard/v1/identity.pb.h"
#include "stackyard/v1/projects.pb.h"
#include "stackyard/v1/quota.pb.h"
#include "stackyard/v1/stacks.pb.h"

namespace stackyard::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

struct Kind {
  const char* name;
  const google::protobuf::Message& prototype;
};

// In the order in which they can be made.
const std::array<Kind, 5>& Kinds() {
  static const std::array<Kind, 5> kKinds = {{
      {"Project", v1::Project::default_instance()},
      {"QuotaLimit", v1::QuotaLimit::default_instance()},
      {"Binding", v1::Binding::default_instance()},
      {"Document", v1::Document::default_instance()},
      {"Stack", v1::Stack::default_instance()},
  }};
  return kKinds;
}

int OrderOf(const std::string& kind) {
  for (size_t i = 0; i < Kinds().size(); ++i) {
    if (Kinds()[i].name == kind) return static_cast<int>(i);
  }
  return -1;
}

bool IsOutputOnly(const FieldDescriptor* field) {
  const auto& options = field->options();
  for (int i = 0; i < options.ExtensionSize(google::api::field_behavior); ++i) {
    if (options.GetExtension(google::api::field_behavior, i) == google::api::OUTPUT_ONLY)
      return true;
  }
  return false;
}

// Reads one document into a message, and collects all that is wrong with it.
class Reader {
 public:
  Reader(const std::string& path, Violations& faults) : path_(path), faults_(faults) {}

  void Fault(const YAML::Node& at, const std::string& what) {
    const int line = at.Mark().line;
    faults_.Add(absl::StrCat(path_, ":", (line < 0 ? 0 : line) + 1), what);
  }

  // Every pair of a map, once. `known` are the names to guess from.
  void EachKey(
      const YAML::Node& node, const std::string& what,
      const std::function<bool(const std::string&, const YAML::Node&, const YAML::Node&)>& read,
      const std::vector<std::string>& known) {
    if (!node.IsMap()) {
      Fault(node, what + " must be a map");
      return;
    }
    std::set<std::string> seen;
    for (const auto& pair : node) {
      const std::string key = pair.first.IsScalar() ? pair.first.Scalar() : "";
      if (!seen.insert(key).second) {
        Fault(pair.first, absl::StrCat(key, " is given twice"));
      } else if (!read(key, pair.first, pair.second)) {
        Fault(pair.first,
              absl::StrCat(what, " has no field \"", key, "\"", DidYouMean(key, known)));
      }
    }
  }

  void ReadMessage(const YAML::Node& node, const std::string& what, Message& message,
                   std::set<std::string>* given) {
    const auto* type = message.GetDescriptor();
    std::vector<std::string> known;
    for (int i = 0; i < type->field_count(); ++i) {
      if (!IsOutputOnly(type->field(i))) known.push_back(type->field(i)->json_name());
    }
    EachKey(
        node, what,
        [&](const std::string& key, const YAML::Node&, const YAML::Node& value) {
          for (int i = 0; i < type->field_count(); ++i) {
            const FieldDescriptor* field = type->field(i);
            if (field->json_name() != key && field->name() != key) continue;
            // What `get -o yaml` wrote can be applied again.
            if (IsOutputOnly(field) && !IsContent(field)) return true;
            if (given != nullptr) given->insert(field->name());
            ReadField(value, field, message);
            return true;
          }
          return false;
        },
        known);
  }

  bool Text(const YAML::Node& node, std::string& text) {
    if (!node.IsScalar()) {
      Fault(node, "must be a text");
      return false;
    }
    text = node.Scalar();
    return true;
  }

  bool Bool(const YAML::Node& node, bool& value) {
    const std::string text = node.IsScalar() && node.Tag() != "!" ? node.Scalar() : "";
    if (text != "true" && text != "false") {
      Fault(node, "must be true or false");
      return false;
    }
    value = text == "true";
    return true;
  }

 private:
  // A document's content goes in by another way than its other fields, and is to be applied.
  static bool IsContent(const FieldDescriptor* field) {
    return field->full_name() == "stackyard.v1.Document.content";
  }

  void ReadField(const YAML::Node& node, const FieldDescriptor* field, Message& message) {
    const auto* reflection = message.GetReflection();
    if (node.IsNull()) return;
    if (field->is_map()) {
      ReadMap(node, field, message);
    } else if (field->is_repeated()) {
      if (!node.IsSequence()) return Fault(node, field->json_name() + " must be a list");
      for (const auto& one : node) {
        std::string text;
        if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
          ReadMessage(one, field->json_name(), *reflection->AddMessage(&message, field), nullptr);
        } else if (Text(one, text)) {
          reflection->AddString(&message, field, text);
        }
      }
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      ReadInner(node, field, *reflection->MutableMessage(&message, field));
    } else {
      ReadScalar(node, field, message);
    }
  }

  void ReadMap(const YAML::Node& node, const FieldDescriptor* field, Message& message) {
    if (!node.IsMap()) return Fault(node, field->json_name() + " must be a map");
    const auto* reflection = message.GetReflection();
    for (const auto& pair : node) {
      std::string key, value;
      if (!Text(pair.first, key) || !Text(pair.second, value)) continue;
      Message* entry = reflection->AddMessage(&message, field);
      const auto* type = entry->GetDescriptor();
      entry->GetReflection()->SetString(entry, type->FindFieldByNumber(1), key);
      entry->GetReflection()->SetString(entry, type->FindFieldByNumber(2), value);
    }
  }

  void ReadInner(const YAML::Node& node, const FieldDescriptor* field, Message& message) {
    const std::string& type = message.GetDescriptor()->full_name();
    std::string text;
    if (type == "google.protobuf.Struct") {
      if (!node.IsMap()) return Fault(node, field->json_name() + " must be a map");
      message.CopyFrom(ValueOf(node).struct_value());
    } else if (type == "google.protobuf.Duration") {
      if (!Text(node, text)) return;
      const auto duration = ReadDuration(field->json_name(), text);
      if (!duration.ok()) return Fault(node, std::string(duration.status().message()));
      message.CopyFrom(ToProto(*duration));
    } else if (type == "google.protobuf.Timestamp") {
      if (!Text(node, text)) return;
      const auto time = ReadTime(field->json_name(), text);
      if (!time.ok()) return Fault(node, std::string(time.status().message()));
      message.CopyFrom(ToProto(*time));
    } else {
      ReadMessage(node, field->json_name(), message, nullptr);
    }
  }

  void ReadScalar(const YAML::Node& node, const FieldDescriptor* field, Message& message) {
    const auto* reflection = message.GetReflection();
    std::string text;
    bool flag = false;
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        if (Text(node, text)) reflection->SetString(&message, field, text);
        break;
      case FieldDescriptor::CPPTYPE_BOOL:
        if (Bool(node, flag)) reflection->SetBool(&message, field, flag);
        break;
      case FieldDescriptor::CPPTYPE_INT64: {
        int64_t number = 0;
        // Quoted too: proto JSON writes them so.
        if (!node.IsScalar() || !absl::SimpleAtoi(node.Scalar(), &number)) {
          return Fault(node, field->json_name() + " must be a whole number");
        }
        reflection->SetInt64(&message, field, number);
        break;
      }
      default:
        Fault(node, field->json_name() + " cannot be set by a file");
    }
  }

  const std::string& path_;
  Violations& faults_;
};

// The kind of a document; nullptr after a fault.
const Kind* ReadKind(Reader& reader, const YAML::Node& document) {
  std::vector<std::string> names;
  for (const Kind& kind : Kinds()) names.push_back(kind.name);
  const std::string all = absl::StrJoin(names, ", ");
  if (!document.IsMap()) {
    reader.Fault(document, "a document must be a map");
    return nullptr;
  }
  const YAML::Node version = document["apiVersion"];
  if (version && (!version.IsScalar() || version.Scalar() != kApiVersion)) {
    reader.Fault(version, absl::StrCat("apiVersion must be ", kApiVersion));
  }
  const YAML::Node kind = document["kind"];
  if (!kind || !kind.IsScalar()) {
    reader.Fault(document, absl::StrCat("kind is missing: one of ", all));
    return nullptr;
  }
  for (const Kind& one : Kinds()) {
    if (one.name == kind.Scalar()) return &one;
  }
  reader.Fault(kind, absl::StrCat("there is no kind \"", kind.Scalar(), "\"",
                                  DidYouMean(kind.Scalar(), names), " (there are ", all, ")"));
  return nullptr;
}

void ReadDocument(const std::string& path, const YAML::Node& document, Violations& faults,
                  std::vector<Manifest>& manifests) {
  Reader reader(path, faults);
  const Kind* kind = ReadKind(reader, document);
  if (kind == nullptr) return;
  Manifest manifest;
  manifest.kind = kind->name;
  manifest.place = absl::StrCat(path, ":", std::max(document.Mark().line, 0) + 1);
  manifest.resource.reset(kind->prototype.New());
  const auto* type = kind->prototype.GetDescriptor();
  const bool in_project =
      manifest.kind == "Stack" || manifest.kind == "QuotaLimit" || manifest.kind == "Binding";

  // The words of the envelope are taken out, the rest is the resource.
  YAML::Node rest(YAML::NodeType::Map);
  std::vector<std::string> known = {"apiVersion", "kind"};
  if (in_project) known.push_back("project");
  if (manifest.kind == "Binding") known.push_back("global");
  if (manifest.kind == "Stack") known.push_back("reason");
  std::map<std::string, const FieldDescriptor*> fields;
  for (int i = 0; i < type->field_count(); ++i) {
    fields[type->field(i)->json_name()] = type->field(i);
    fields[type->field(i)->name()] = type->field(i);
    if (!IsOutputOnly(type->field(i))) known.push_back(type->field(i)->json_name());
  }
  reader.EachKey(
      document, manifest.kind,
      [&](const std::string& key, const YAML::Node& name, const YAML::Node& value) {
        if (key == "apiVersion" || key == "kind") return true;
        if (key == "project" && in_project) {
          reader.Text(value, manifest.project);
        } else if (key == "global" && manifest.kind == "Binding") {
          reader.Bool(value, manifest.global);
        } else if (key == "reason" && manifest.kind == "Stack") {
          reader.Text(value, manifest.reason);
        } else if (fields.count(key) > 0) {
          rest[name] = value;
        } else {
          return false;
        }
        return true;
      },
      known);
  reader.ReadMessage(rest, manifest.kind, *manifest.resource, &manifest.given);
  if (!manifest.Gives("name") && manifest.kind != "Binding") {
    reader.Fault(document, manifest.kind + " has no name");
  }
  manifests.push_back(std::move(manifest));
}

// The files that a path stands for, in order of their names.
absl::StatusOr<std::vector<std::string>> FilesOf(const std::string& path) {
  std::error_code error;
  if (path == "-" || !std::filesystem::is_directory(path, error)) {
    return std::vector<std::string>{path};
  }
  std::vector<std::string> files;
  for (auto at = std::filesystem::recursive_directory_iterator(path, error);
       !error && at != std::filesystem::recursive_directory_iterator(); at.increment(error)) {
    const std::string extension = at->path().extension().string();
    const bool wanted = extension == ".yaml" || extension == ".yml" || extension == ".json";
    if (wanted && at->is_regular_file(error)) files.push_back(at->path().string());
  }
  if (error) return InvalidField("file", absl::StrCat("cannot read ", path, ": ", error.message()));
  if (files.empty()) {
    return InvalidField("file", absl::StrCat(path, " has no files *.yaml, *.yml or *.json"));
  }
  std::sort(files.begin(), files.end());
  return files;
}

void Parse(const std::string& path, const std::string& text, Violations& faults,
           std::vector<Manifest>& manifests) {
  try {
    for (const YAML::Node& document : YAML::LoadAll(text)) {
      // `---` at the beginning or the end.
      if (document.IsNull()) continue;
      ReadDocument(path, document, faults, manifests);
    }
  } catch (const YAML::Exception& error) {
    faults.Add(absl::StrCat(path, ":", error.mark.line + 1), error.msg);
  }
}

}  // namespace

std::string KindOf(const google::protobuf::Descriptor& type) {
  for (const Kind& kind : Kinds()) {
    if (kind.prototype.GetDescriptor() == &type) return kind.name;
  }
  return "";
}

absl::StatusOr<std::vector<Manifest>> ParseManifests(const std::string& path,
                                                     const std::string& text) {
  Violations faults;
  std::vector<Manifest> manifests;
  Parse(path, text, faults, manifests);
  RETURN_IF_ERROR(faults.ToStatus());
  return manifests;
}

absl::StatusOr<std::vector<Manifest>> ReadManifests(const Environment& environment,
                                                    const std::vector<std::string>& paths) {
  Violations faults;
  std::vector<Manifest> manifests;
  for (const std::string& path : paths) {
    ASSIGN_OR_RETURN(const std::vector<std::string> files, FilesOf(path));
    for (const std::string& file : files) {
      ASSIGN_OR_RETURN(const std::string text, ReadFileOrInput(environment, "file", file));
      Parse(file == "-" ? "stdin" : file, text, faults, manifests);
    }
  }
  RETURN_IF_ERROR(faults.ToStatus());
  if (manifests.empty()) return InvalidField("file", "there is nothing in it to apply");
  std::stable_sort(manifests.begin(), manifests.end(), [](const Manifest& a, const Manifest& b) {
    return OrderOf(a.kind) < OrderOf(b.kind);
  });
  return manifests;
}

}  // namespace stackyard::cli
