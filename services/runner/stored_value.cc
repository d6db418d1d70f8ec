#include "services/runner/stored_value.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "common/status_macros.h"
#include "services/runner/msgpack.h"

namespace stackyard::runner {
namespace {

using nlohmann::json;
using Kind = MsgpackHead::Kind;

// Deeper values are read by nobody but may exhaust the stack.
constexpr int kMaxDepth = 200;
// Numbers of Terraform's extensions: an unknown value, and one of which something is known.
constexpr int kUnknown = 0;
constexpr int kRefinedUnknown = 12;

const json kDynamic = "dynamic";

absl::Status Unexpected(std::string_view what) {
  return absl::FailedPreconditionError(std::string(what));
}

bool IsKind(const json& type, const char* kind) {
  return type.is_array() && type.size() >= 2 && type[0] == kind;
}

bool IsSequence(const json& type) { return IsKind(type, "list") || IsKind(type, "set"); }

// Type of one element; nullptr when there is none such.
const json* ElementType(const json& type, size_t index) {
  if (IsSequence(type)) return &type[1];
  if (!IsKind(type, "tuple") || !type[1].is_array() || index >= type[1].size()) return nullptr;
  return &type[1][index];
}

const json* MemberType(const json& type, const std::string& name) {
  if (IsKind(type, "map")) return &type[1];
  if (!IsKind(type, "object") || !type[1].is_object()) return nullptr;
  const auto found = type[1].find(name);
  return found == type[1].end() ? nullptr : &*found;
}

absl::StatusOr<json> ParseType(std::string_view text) {
  json type = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!type.is_string() && !type.is_array()) return Unexpected("a type that is no type");
  return type;
}

// What `show` prints for a number, and a reader of it makes of that.
absl::StatusOr<json> NumberOf(std::string_view digits) {
  json number = json::parse(digits, nullptr, /*allow_exceptions=*/false);
  if (!number.is_number()) return Unexpected("a number that is no number");
  return number;
}

absl::StatusOr<json> NumberOf(double real) {
  if (!std::isfinite(real)) return Unexpected("a number that is not finite");
  // These have digits that fit an integer.
  if (real == std::trunc(real) && std::abs(real) < 9223372036854775808.0) {
    return json(static_cast<int64_t>(real));
  }
  if (real == std::trunc(real) && real > 0 && real < 18446744073709551616.0) {
    return json(static_cast<uint64_t>(real));
  }
  return json(real);
}

class Decoder {
 public:
  explicit Decoder(std::string_view msgpack) : reader_(msgpack) {}

  absl::StatusOr<json> Decode(const json& type, int depth = 0) {
    ASSIGN_OR_RETURN(const MsgpackHead head, reader_.Next());
    return DecodeHead(head, type, depth);
  }

  bool AtEnd() const { return reader_.AtEnd(); }

 private:
  absl::StatusOr<json> DecodeHead(const MsgpackHead& head, const json& type, int depth) {
    if (depth > kMaxDepth) return Unexpected("a value that is nested too deep");
    switch (head.kind) {
      case Kind::kNil:
        return json();
      case Kind::kExtension:
        if (head.integer != kUnknown && head.integer != kRefinedUnknown) {
          return Unexpected("an extension of values that is not known");
        }
        return json::binary({});
      case Kind::kArray:
        return DecodeArray(head.number, type, depth);
      case Kind::kMap:
        return DecodeMap(head.number, type, depth);
      default:
        return DecodeScalar(head, type);
    }
  }

  static absl::StatusOr<json> DecodeScalar(const MsgpackHead& head, const json& type) {
    if (head.kind == Kind::kBool && type == "bool") return json(head.boolean);
    if (head.kind == Kind::kString && type == "string") return json(std::string(head.bytes));
    if (type == "number") {
      // Numbers that neither an integer nor a double holds are written out.
      if (head.kind == Kind::kString) return NumberOf(head.bytes);
      if (head.kind == Kind::kFloat) return NumberOf(head.real);
      if (head.kind == Kind::kUint) return json(head.number);
      if (head.kind == Kind::kInt) return json(head.integer);
    }
    return Unexpected("a value of another type than its schema has");
  }

  absl::StatusOr<json> DecodeArray(uint64_t size, const json& type, int depth) {
    if (size > reader_.left()) return Unexpected("a list that is cut off");
    json array = json::array();
    if (size == 0) return array;
    ASSIGN_OR_RETURN(const MsgpackHead first, reader_.Next());
    // Where the type is left open, it stands before the value. Nothing else is written as bytes.
    if (first.kind == Kind::kBytes && size == 2) {
      ASSIGN_OR_RETURN(const json own, ParseType(first.bytes));
      return Decode(own, depth + 1);
    }
    for (uint64_t i = 0; i < size; ++i) {
      const json* element = ElementType(type, i);
      if (element == nullptr) return Unexpected("a list where its schema has none");
      if (i > 0) {
        ASSIGN_OR_RETURN(json value, Decode(*element, depth + 1));
        array.push_back(std::move(value));
      } else {
        ASSIGN_OR_RETURN(json value, DecodeHead(first, *element, depth + 1));
        array.push_back(std::move(value));
      }
    }
    return array;
  }

  absl::StatusOr<json> DecodeMap(uint64_t size, const json& type, int depth) {
    if (size > reader_.left()) return Unexpected("a map that is cut off");
    json object = json::object();
    for (uint64_t i = 0; i < size; ++i) {
      ASSIGN_OR_RETURN(const MsgpackHead key, reader_.Next());
      const std::string name(key.bytes);
      const json* member = MemberType(type, name);
      if (key.kind != Kind::kString || member == nullptr) {
        return Unexpected("an attribute that its schema does not have");
      }
      ASSIGN_OR_RETURN(object[name], Decode(*member, depth + 1));
    }
    return object;
  }

  MsgpackReader reader_;
};

absl::StatusOr<json> FromState(const json& stored, const json& type, int depth) {
  if (depth > kMaxDepth) return Unexpected("a value that is nested too deep");
  if (stored.is_null()) return stored;
  if (type == kDynamic) {
    if (!stored.is_object() || !stored.contains("value") || !stored.contains("type")) {
      return Unexpected("a dynamic value without a type");
    }
    return FromState(stored["value"], stored["type"], depth + 1);
  }
  if (!stored.is_structured()) return stored;
  json result = stored.is_array() ? json::array() : json::object();
  size_t index = 0;
  for (const auto& [name, member] : stored.items()) {
    const json* below = stored.is_array() ? ElementType(type, index++) : MemberType(type, name);
    if (below == nullptr) return Unexpected("an attribute that its schema does not have");
    ASSIGN_OR_RETURN(json value, FromState(member, *below, depth + 1));
    if (stored.is_array()) {
      result.push_back(std::move(value));
    } else {
      result[name] = std::move(value);
    }
  }
  return result;
}

}  // namespace

absl::StatusOr<json> ReadStoredValue(std::string_view msgpack, const json& type) {
  Decoder decoder(msgpack);
  ASSIGN_OR_RETURN(json value, decoder.Decode(type));
  if (!decoder.AtEnd()) return Unexpected("more bytes than a value has");
  return value;
}

absl::StatusOr<json> ReadStateValue(const json& stored, const json& type) {
  return FromState(stored, type, 0);
}

bool IsUnknown(const json& value) { return value.is_binary(); }

bool HoldsUnknown(const json& value) {
  if (!value.is_structured()) return IsUnknown(value);
  return std::any_of(value.begin(), value.end(), HoldsUnknown);
}

json KnownPart(const json& value) {
  if (IsUnknown(value)) return nullptr;
  if (!value.is_structured()) return value;
  json known = value.is_array() ? json::array() : json::object();
  for (const auto& [name, member] : value.items()) {
    if (value.is_array()) {
      known.push_back(KnownPart(member));
    } else if (!IsUnknown(member)) {
      known[name] = KnownPart(member);
    }
  }
  return known;
}

json UnknownMarks(const json& value) {
  if (!value.is_structured()) return IsUnknown(value);
  json marks = value.is_array() ? json::array() : json::object();
  for (const auto& [name, member] : value.items()) {
    json mark = UnknownMarks(member);
    if (value.is_array()) {
      marks.push_back(std::move(mark));
    } else if (mark != false) {
      marks[name] = std::move(mark);
    }
  }
  return marks;
}

}  // namespace stackyard::runner
