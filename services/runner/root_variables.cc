#include "services/runner/root_variables.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "services/runner/hcl_tokens.h"

namespace stackyard::runner {
namespace {

using Kind = HclToken::Kind;
using Expression = std::vector<HclToken>;

bool Is(const HclToken& token, Kind kind, std::string_view text) {
  return token.kind == kind && token.text == text;
}

bool Opens(const HclToken& token) {
  return token.kind == Kind::kSymbol &&
         (token.text == "{" || token.text == "[" || token.text == "(");
}

bool Closes(const HclToken& token) {
  return token.kind == Kind::kSymbol &&
         (token.text == "}" || token.text == "]" || token.text == ")");
}

// The attributes of a `variable` block that matter here.
struct Declaration {
  std::string name;
  Expression sensitive;
  Expression type;
  Expression default_value;
};

class Reader {
 public:
  explicit Reader(std::string_view hcl) : tokens_(hcl) {}

  absl::StatusOr<std::vector<SecretVariable>> Read() {
    std::vector<SecretVariable> result;
    while (true) {
      RETURN_IF_ERROR(Advance());
      if (token_.kind == Kind::kEnd) return result;
      if (!Is(token_, Kind::kWord, "variable")) {
        RETURN_IF_ERROR(SkipStatement());
        continue;
      }
      RETURN_IF_ERROR(Advance());
      Declaration declaration;
      declaration.name = token_.text;
      const bool named =
          token_.kind == Kind::kWord || (token_.kind == Kind::kString && token_.plain);
      RETURN_IF_ERROR(Advance());
      if (!named || !Is(token_, Kind::kSymbol, "{")) return Unclear();
      RETURN_IF_ERROR(ReadBody(declaration));
      RETURN_IF_ERROR(Take(std::move(declaration), result));
    }
  }

 private:
  static absl::Status Unclear() {
    return absl::FailedPreconditionError("a variable whose declaration has to be evaluated");
  }

  static absl::Status Take(Declaration declaration, std::vector<SecretVariable>& result) {
    if (declaration.sensitive.empty()) return absl::OkStatus();
    if (declaration.sensitive.size() != 1) return Unclear();
    if (Is(declaration.sensitive[0], Kind::kWord, "false")) return absl::OkStatus();
    if (!Is(declaration.sensitive[0], Kind::kWord, "true")) return Unclear();
    SecretVariable variable{std::move(declaration.name), std::nullopt};
    const Expression& value = declaration.default_value;
    const bool none = value.empty() || (value.size() == 1 && Is(value[0], Kind::kWord, "null"));
    if (!none) {
      const Expression& type = declaration.type;
      const bool text = type.empty() || (type.size() == 1 && Is(type[0], Kind::kWord, "string"));
      if (!text || value.size() != 1 || value[0].kind != Kind::kString || !value[0].plain) {
        return Unclear();
      }
      variable.default_value = value[0].text;
    }
    result.push_back(std::move(variable));
    return absl::OkStatus();
  }

  absl::Status Advance() {
    ASSIGN_OR_RETURN(token_, tokens_.Next());
    return absl::OkStatus();
  }

  // To the end of the line, or of the block that begins on it.
  absl::Status SkipStatement() {
    int depth = 0;
    while (token_.kind != Kind::kEnd) {
      if (Opens(token_)) ++depth;
      if (Closes(token_)) --depth;
      if (depth <= 0 && token_.kind == Kind::kNewline) return absl::OkStatus();
      RETURN_IF_ERROR(Advance());
    }
    return absl::OkStatus();
  }

  // Behind the brace that opens it.
  absl::Status ReadBody(Declaration& declaration) {
    RETURN_IF_ERROR(Advance());
    while (!Is(token_, Kind::kSymbol, "}")) {
      if (token_.kind == Kind::kEnd) return Unclear();
      if (token_.kind != Kind::kWord) {
        if (token_.kind != Kind::kNewline) return Unclear();
        RETURN_IF_ERROR(Advance());
        continue;
      }
      const std::string name = token_.text;
      RETURN_IF_ERROR(Advance());
      const bool is_attribute = Is(token_, Kind::kSymbol, "=");
      if (is_attribute) RETURN_IF_ERROR(Advance());
      ASSIGN_OR_RETURN(Expression tokens, ReadToEnd());
      if (!is_attribute) continue;
      if (name == "sensitive") {
        declaration.sensitive = std::move(tokens);
      } else if (name == "type") {
        declaration.type = std::move(tokens);
      } else if (name == "default") {
        declaration.default_value = std::move(tokens);
      }
    }
    return absl::OkStatus();
  }

  // The rest of an attribute or a nested block; stands then at the line break or brace behind it.
  absl::StatusOr<Expression> ReadToEnd() {
    Expression tokens;
    int depth = 0;
    while (true) {
      if (token_.kind == Kind::kEnd) return Unclear();
      if (depth == 0 && (token_.kind == Kind::kNewline || Closes(token_))) return tokens;
      if (Opens(token_)) ++depth;
      if (Closes(token_)) --depth;
      tokens.push_back(token_);
      RETURN_IF_ERROR(Advance());
    }
  }

  HclTokens tokens_;
  HclToken token_;
};

}  // namespace

absl::StatusOr<std::vector<SecretVariable>> ReadSecretVariables(std::string_view hcl) {
  return Reader(hcl).Read();
}

}  // namespace stackyard::runner
