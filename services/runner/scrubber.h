// Keeps secrets out of what people read.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "stackyard/internal/v1/run_queue.pb.h"

namespace stackyard::runner {

// What stands in place of a secret.
inline constexpr std::string_view kMasked = "(sensitive)";

// Knows the secrets of one run, in all forms of SecretForms, and each line of those of several
// lines. Signed tokens (JWT) are secrets wherever they come from. One pass over a text, however
// many secrets there are.
class Scrubber {
 public:
  // Shorter secrets are left alone: they turn up everywhere by chance.
  static constexpr size_t kMinSecret = 4;

  // Knows tokens alone.
  Scrubber() = default;
  // Knows each string and number in the sensitive parameters, in what the state calls sensitive,
  // the secrets of credentials, and environment variables whose names tell that they are secret, or
  // whose values hold a password as URLs do. `passed` are variables that every run gets besides
  // those of the assignment.
  explicit Scrubber(const internal::v1::Assignment& assignment,
                    const std::map<std::string, std::string>& passed = {});

  // Learns more: each string and number in the parts of a value that a tree of marks (true, false,
  // objects and arrays of them, as Terraform's JSON has it) calls secret.
  void LearnMarked(const nlohmann::json& value, const nlohmann::json& marks);

  // The text with every secret replaced.
  std::string Scrub(std::string_view text) const;
  // The same for a message and the metadata of a reason.
  absl::Status Scrub(const absl::Status& status) const;
  // Whether a secret is in the text.
  bool Holds(std::string_view text) const;

 private:
  void Learn(std::string_view secret);
  void LearnForm(std::string form);
  // A secret of a credential; of a JSON file of keys also what is secret in it.
  void LearnKey(const std::string& secret);
  // An environment variable, when its name tells that it is secret.
  void LearnVariable(const std::string& name, const std::string& value);
  void LearnAll(const nlohmann::json& value);
  void LearnBelow(const nlohmann::json& value, const nlohmann::json& marks);
  void LearnState(const std::string& state);
  // Length of the longest secret that begins at `at`; 0: none.
  size_t MatchAt(std::string_view text, size_t at) const;
  // Where secrets are, in order; those that overlap are one.
  std::vector<std::pair<size_t, size_t>> Find(std::string_view text, bool first_only) const;

  // By their first kMinSecret bytes.
  std::unordered_map<uint32_t, std::vector<std::string>> secrets_;
  // A bit for the hash of each key of `secrets_`: nearly all of a text is told clean by it.
  std::array<uint64_t, 1024> filter_ = {};
};

}  // namespace stackyard::runner
