#include "cli/login_store.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "cli/config.h"
#include "cli/context.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace stackyard::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string Text(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace

std::string LoginStore::Folder() const { return ConfigFolder(environment_) + "/credentials"; }

std::string LoginStore::Path(const std::string& context) const {
  return absl::StrCat(Folder(), "/", context, ".json");
}

absl::StatusOr<std::optional<Login>> LoginStore::Read(const std::string& context) const {
  std::error_code error;
  if (!std::filesystem::exists(Path(context), error)) return std::nullopt;
  ASSIGN_OR_RETURN(const std::string text, ReadFile("credentials", Path(context)));
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return InvalidField("credentials", absl::StrCat(Path(context), " is no login; delete it with: ",
                                                    "stackyard logout --context ", context));
  }
  Login login;
  login.token = Text(json, "token");
  login.id_token = Text(json, "id_token");
  login.refresh_token = Text(json, "refresh_token");
  login.provider = {Text(json, "issuer"), Text(json, "client_id"), {}, Text(json, "ca_file")};
  return login;
}

absl::Status LoginStore::Write(const std::string& context, const Login& login) const {
  RETURN_IF_ERROR(MakePrivateFolder("credentials", ConfigFolder(environment_)));
  RETURN_IF_ERROR(MakePrivateFolder("credentials", Folder()));
  Json json;
  if (!login.token.empty()) {
    json["token"] = login.token;
  } else {
    json["issuer"] = login.provider.issuer;
    json["client_id"] = login.provider.client_id;
    if (!login.provider.ca_file.empty()) json["ca_file"] = login.provider.ca_file;
    json["id_token"] = login.id_token;
    if (!login.refresh_token.empty()) json["refresh_token"] = login.refresh_token;
  }
  return ReplaceFile("credentials", Path(context), json.dump(2) + "\n", 0600);
}

absl::StatusOr<bool> LoginStore::Delete(const std::string& context) const {
  if (unlink(Path(context).c_str()) == 0) return true;
  if (errno == ENOENT) return false;
  return InvalidField("credentials",
                      absl::StrCat("cannot delete ", Path(context), ": ", std::strerror(errno)));
}

absl::Status LoginStore::Rename(const std::string& from, const std::string& to) const {
  if (rename(Path(from).c_str(), Path(to).c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return InvalidField("credentials",
                      absl::StrCat("cannot rename ", Path(from), ": ", std::strerror(errno)));
}

absl::StatusOr<FileLock> LoginStore::Lock(const std::string& context) const {
  RETURN_IF_ERROR(MakePrivateFolder("credentials", ConfigFolder(environment_)));
  RETURN_IF_ERROR(MakePrivateFolder("credentials", Folder()));
  return FileLock::Take("credentials", absl::StrCat(Folder(), "/.", context, ".lock"));
}

}  // namespace stackyard::cli
