#include "services/runner/attribute_diff.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace stackyard::runner {
namespace {

using nlohmann::json;

constexpr size_t kMaxValue = 8 << 10;

const json kNull;

std::string Join(const std::string& path, const std::string& key) {
  return path.empty() ? key : absl::StrCat(path, ".", key);
}

// One step down; null where there is nothing.
const json& Step(const json& value, const std::string& key) {
  if (value.is_object()) {
    const auto found = value.find(key);
    return found == value.end() ? kNull : *found;
  }
  size_t index = 0;
  if (value.is_array() && absl::SimpleAtoi(key, &index) && index < value.size()) {
    return value[index];
  }
  return kNull;
}

bool AnyTrue(const json& marks) {
  if (marks.is_boolean()) return marks.get<bool>();
  if (!marks.is_structured()) return false;
  return std::any_of(marks.begin(), marks.end(), [](const json& mark) { return AnyTrue(mark); });
}

bool IsTrue(const json& mark) { return mark.is_boolean() && mark.get<bool>(); }

std::string DumpAll(const json& value) {
  return value.is_null() ? "" : value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string Dump(const json& value) {
  std::string text = DumpAll(value);
  if (text.size() <= kMaxValue) return text;
  // Still JSON: a string that says how much is missing.
  const size_t size = text.size();
  text.resize(kMaxValue);
  return json(absl::StrCat(text, "… (", size, " bytes)"))
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

class Differ {
 public:
  Differ(const Scrubber& scrubber, const json& replace_paths, v1::ResourceChange& resource)
      : scrubber_(scrubber), resource_(resource) {
    if (!replace_paths.is_array()) return;
    for (const json& path : replace_paths) {
      std::string text;
      if (!path.is_array()) continue;
      for (const json& key : path) {
        text = Join(text, key.is_string() ? key.get<std::string>() : key.dump());
      }
      replace_paths_.push_back(text);
    }
  }

  void Walk(const std::string& path, const json& before, const json& after, const json& unknown,
            const json& was_secret, const json& is_secret) {
    if (resource_.attributes_size() >= kMaxAttributes) return;
    if (IsTrue(was_secret) || IsTrue(is_secret)) {
      if (before != after || AnyTrue(unknown)) Add(path, kNull, kNull, AnyTrue(unknown), true);
      return;
    }
    if (IsTrue(unknown)) {
      // Below, parts of the old value may be secret.
      Add(path, before, kNull, true, AnyTrue(was_secret));
      return;
    }
    std::set<std::string> names;
    size_t elements = 0;
    for (const json* value : {&before, &after, &unknown}) {
      if (value->is_object()) {
        for (const auto& [key, member] : value->items()) names.insert(key);
      } else if (value->is_array()) {
        elements = std::max(elements, value->size());
      }
    }
    const auto descend = [&](const std::string& key) {
      Walk(Join(path, key), Step(before, key), Step(after, key), Step(unknown, key),
           Step(was_secret, key), Step(is_secret, key));
    };
    const bool leaves =
        names.empty() == (elements == 0) || HoldsScalar(before) || HoldsScalar(after);
    if (!leaves) {
      for (const std::string& name : names) descend(name);
      for (size_t i = 0; i < elements; ++i) descend(absl::StrCat(i));
      return;
    }
    // At the top there is no attribute to name. Providers write null and an empty collection for
    // the same thing.
    if (before == after || path.empty() || (before.empty() && after.empty())) return;
    // A scalar became a collection or the other way round: told as a whole.
    Add(path, before, after, false, AnyTrue(was_secret) || AnyTrue(is_secret));
  }

 private:
  static bool HoldsScalar(const json& value) { return !value.is_null() && !value.is_structured(); }

  void Add(const std::string& path, const json& before, const json& after, bool unknown,
           bool secret) {
    // What the author did not mark, but the requester did.
    secret = secret || scrubber_.Holds(DumpAll(before)) || scrubber_.Holds(DumpAll(after));
    v1::AttributeChange& change = *resource_.add_attributes();
    change.set_path(scrubber_.Scrub(path));
    change.set_sensitive(secret);
    change.set_unknown(unknown);
    change.set_forces_replacement(ForcesReplacement(path));
    if (secret) return;
    change.set_before_json(Dump(before));
    change.set_after_json(Dump(after));
  }

  bool ForcesReplacement(const std::string& path) const {
    const auto within = [](const std::string& inner, const std::string& outer) {
      return inner == outer || inner.rfind(outer + ".", 0) == 0;
    };
    return std::any_of(
        replace_paths_.begin(), replace_paths_.end(),
        [&](const std::string& forces) { return within(path, forces) || within(forces, path); });
  }

  const Scrubber& scrubber_;
  v1::ResourceChange& resource_;
  std::vector<std::string> replace_paths_;
};

}  // namespace

void AddAttributeChanges(const json& change, const Scrubber& scrubber,
                         v1::ResourceChange& resource) {
  Differ differ(scrubber, Step(change, "replace_paths"), resource);
  differ.Walk("", Step(change, "before"), Step(change, "after"), Step(change, "after_unknown"),
              Step(change, "before_sensitive"), Step(change, "after_sensitive"));
}

const json* Find(const json& value, std::string_view path) {
  const json* at = &value;
  while (true) {
    const size_t dot = path.find('.');
    at = &Step(*at, std::string(path.substr(0, dot)));
    if (at == &kNull) return nullptr;
    if (dot == std::string_view::npos) return at;
    path.remove_prefix(dot + 1);
  }
}

bool IsMarked(const json& marks, std::string_view path) {
  const json* at = &marks;
  while (true) {
    if (IsTrue(*at)) return true;
    if (path.empty()) return AnyTrue(*at);
    const size_t dot = path.find('.');
    at = &Step(*at, std::string(path.substr(0, dot)));
    path.remove_prefix(dot == std::string_view::npos ? path.size() : dot + 1);
  }
}

}  // namespace stackyard::runner
