#include "services/runner/resource_schema.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "services/runner/attribute_diff.h"
#include "services/runner/wire_fields.h"

namespace stackyard::runner {
namespace {

using nlohmann::json;

// No provider nests deeper; a schema that does is an attack on the stack.
constexpr int kMaxDepth = 64;

bool AnyTrue(const json& marks) { return IsMarked(marks, ""); }

}  // namespace

// Turns the messages of the plugin protocol, whose field numbers stand below, into bodies.
class ResourceSchema::Parser {
 public:
  // Schema.block
  static absl::Status ReadSchema(std::string_view bytes, ResourceSchema& schema) {
    bool found = false;
    RETURN_IF_ERROR(ForEachField(bytes, [&](const WireField& field) -> absl::Status {
      if (field.number != 2 || !field.is_bytes) return absl::OkStatus();
      found = true;
      return ReadBlock(field.bytes, 0, schema.body_, schema.type_);
    }));
    return found ? absl::OkStatus() : absl::DataLossError("a schema without a block");
  }

 private:
  // Block.attributes, Block.block_types
  static absl::Status ReadBlock(std::string_view bytes, int depth, Body& body, json& type) {
    if (depth > kMaxDepth) return absl::DataLossError("a schema that is nested too deep");
    json members = json::object();
    RETURN_IF_ERROR(ForEachField(bytes, [&](const WireField& field) -> absl::Status {
      if (field.number == 2 && field.is_bytes) {
        return ReadAttribute(field.bytes, depth, body, members);
      }
      if (field.number == 3 && field.is_bytes) {
        return ReadNestedBlock(field.bytes, depth, body, members);
      }
      return absl::OkStatus();
    }));
    type = json::array({"object", std::move(members)});
    return absl::OkStatus();
  }

  // NestedBlock.type_name, .block, .nesting
  static absl::Status ReadNestedBlock(std::string_view bytes, int depth, Body& parent,
                                      json& members) {
    Child child;
    json type;
    uint64_t nesting = 0;
    RETURN_IF_ERROR(ForEachField(bytes, [&](const WireField& field) -> absl::Status {
      if (field.number == 1) child.name = std::string(field.bytes);
      if (field.number == 3) nesting = field.value;
      if (field.number == 2 && field.is_bytes) {
        return ReadBlock(field.bytes, depth + 1, child.body, type);
      }
      return absl::OkStatus();
    }));
    return Keep(std::move(child), nesting, std::move(type), parent, members);
  }

  // Attribute.name, .type, .sensitive; in version 5 `write_only` is 10, in version 6 it is 11, and
  // 10 is `nested_type`.
  static absl::Status ReadAttribute(std::string_view bytes, int depth, Body& parent,
                                    json& members) {
    std::string name;
    bool secret = false;
    json type;
    std::string_view nested;
    bool is_nested = false;
    RETURN_IF_ERROR(ForEachField(bytes, [&](const WireField& field) -> absl::Status {
      if (field.number == 1) name = std::string(field.bytes);
      if (field.number == 2 && field.is_bytes) {
        type = json::parse(field.bytes, nullptr, /*allow_exceptions=*/false);
      }
      const bool marks = field.number == 7 || field.number == 10 || field.number == 11;
      if (marks && !field.is_bytes && field.value != 0) secret = true;
      if (field.number == 10 && field.is_bytes) {
        nested = field.bytes;
        is_nested = true;
      }
      return absl::OkStatus();
    }));
    if (secret) parent.secrets.insert(name);
    if (is_nested) return ReadObject(std::move(name), nested, depth + 1, parent, members);
    if (!type.is_string() && !type.is_array()) {
      return absl::DataLossError(absl::StrCat("attribute ", name, " has no type"));
    }
    members[name] = std::move(type);
    return absl::OkStatus();
  }

  // Object.attributes, .nesting
  static absl::Status ReadObject(std::string name, std::string_view bytes, int depth, Body& parent,
                                 json& members) {
    if (depth > kMaxDepth) return absl::DataLossError("a schema that is nested too deep");
    Child child;
    child.name = std::move(name);
    json own = json::object();
    uint64_t nesting = 0;
    RETURN_IF_ERROR(ForEachField(bytes, [&](const WireField& field) -> absl::Status {
      if (field.number == 3) nesting = field.value;
      if (field.number == 1 && field.is_bytes) {
        return ReadAttribute(field.bytes, depth, child.body, own);
      }
      return absl::OkStatus();
    }));
    return Keep(std::move(child), nesting, json::array({"object", std::move(own)}), parent,
                members);
  }

  static absl::Status Keep(Child child, uint64_t nesting, json type, Body& parent, json& members) {
    child.nesting = static_cast<Nesting>(nesting);
    switch (child.nesting) {
      case Nesting::kSingle:
      case Nesting::kGroup:
        break;
      case Nesting::kList:
        type = json::array({"list", std::move(type)});
        break;
      case Nesting::kSet:
        type = json::array({"set", std::move(type)});
        break;
      case Nesting::kMap:
        type = json::array({"map", std::move(type)});
        break;
      default:
        return absl::DataLossError(absl::StrCat(child.name, " is nested in an unknown way"));
    }
    members[child.name] = std::move(type);
    const bool secret = !child.body.secrets.empty() || !child.body.children.empty();
    if (secret) parent.children.push_back(std::move(child));
    return absl::OkStatus();
  }
};

absl::StatusOr<ResourceSchema> ResourceSchema::Parse(std::string_view schema) {
  ResourceSchema result;
  RETURN_IF_ERROR(Parser::ReadSchema(schema, result));
  return result;
}

ResourceSchema ResourceSchema::Plain(json attributes) {
  ResourceSchema result;
  result.type_ = json::array({"object", std::move(attributes)});
  return result;
}

json ResourceSchema::SensitiveMarks(const json& value) const { return Marks(body_, value); }

json ResourceSchema::Marks(const Body& body, const json& value) {
  if (!value.is_object()) return false;
  json marks = json::object();
  for (const std::string& name : body.secrets) marks[name] = true;
  for (const Child& child : body.children) {
    const auto found = value.find(child.name);
    if (found == value.end() || body.secrets.count(child.name) > 0) continue;
    json below = Marks(child, *found);
    if (AnyTrue(below)) marks[child.name] = std::move(below);
  }
  return marks;
}

json ResourceSchema::Marks(const Child& child, const json& value) {
  if (child.nesting == Nesting::kSingle || child.nesting == Nesting::kGroup) {
    return Marks(child.body, value);
  }
  if (!value.is_structured()) return false;
  json marks = value.is_array() ? json::array() : json::object();
  for (const auto& [key, element] : value.items()) {
    json mark = Marks(child.body, element);
    if (value.is_array()) {
      marks.push_back(std::move(mark));
    } else {
      marks[key] = std::move(mark);
    }
  }
  if (child.nesting == Nesting::kSet) return AnyTrue(marks);
  return marks;
}

}  // namespace stackyard::runner
