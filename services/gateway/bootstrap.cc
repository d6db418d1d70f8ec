#include "services/gateway/bootstrap.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/id.h"
#include "common/log.h"
#include "common/proto_time.h"
#include "common/status_macros.h"
#include "services/gateway/binding_store.h"
#include "services/gateway/identity_schema.h"
#include "services/gateway/token.h"
#include "services/gateway/token_store.h"

namespace stackyard::gateway {
namespace {

// Empty when there is none.
std::string ReadTokenFile(const std::string& path) {
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return std::string(absl::StripAsciiWhitespace(text));
}

absl::Status FileError(const std::string& path, const char* what) {
  return absl::UnavailableError(
      absl::StrCat("--admin-token-file=", path, " ", what, ": ", std::strerror(errno)));
}

absl::Status WriteAll(int file, const std::string& text, const std::string& path) {
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t count = write(file, text.data() + done, text.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return FileError(path, "cannot be written");
    done += static_cast<size_t>(count);
  }
  return fsync(file) == 0 ? absl::OkStatus() : FileError(path, "cannot be synced");
}

// Beside its place, then renamed: nobody reads half a token, or one that others could read.
absl::Status WriteTokenFile(const std::string& path, const std::string& token) {
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  std::error_code ignored;
  if (!parent.empty()) std::filesystem::create_directories(parent, ignored);
  const std::string draft = absl::StrCat(path, ".", RandomId());
  const int file = open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return FileError(path, "cannot be created");
  absl::Status status = WriteAll(file, absl::StrCat(token, "\n"), path);
  close(file);
  if (status.ok() && rename(draft.c_str(), path.c_str()) != 0) {
    status = FileError(path, "cannot be put in place");
  }
  if (!status.ok()) unlink(draft.c_str());
  return status;
}

absl::StatusOr<bool> IsValid(Database& database, const Clock& clock, const std::string& token) {
  if (!LooksLikeToken(token)) return false;
  return database.ReadValue<bool>([&](soci::session& sql) -> absl::StatusOr<bool> {
    ASSIGN_OR_RETURN(const CallerPtr caller, LoadCaller(sql, TokenHash(token)));
    return caller != nullptr && caller->expire_time > clock.TimeNow();
  });
}

// Whether a start has made an administrator before, whatever became of them.
bool HadFirstAdmin(soci::session& sql) {
  int count = 0;
  sql << "SELECT COUNT(*) FROM first_admin", soci::into(count);
  // Made by a replica of a release that knows nothing of that table.
  return count > 0 || kUsers.Has(sql, kBootstrapUser);
}

// Also makes replicas that do the same take turns.
absl::Status CreateAdmin(soci::session& sql, absl::Time now, const NewToken& made) {
  BumpGeneration(sql);
  const int64_t micros = ToMicros(now);
  sql << "INSERT INTO first_admin (id, create_time) VALUES (1, :now) ON CONFLICT DO NOTHING",
      soci::use(micros);
  v1::User user;
  if (kUsers.Has(sql, kBootstrapUser)) {
    RETURN_IF_ERROR(kUsers.Read(sql, kBootstrapUser, user));
    if (user.suspended()) {
      return absl::FailedPreconditionError(
          "the token in --admin-token-file is not valid, and no new one can be made: "
          "users/admin is suspended");
    }
    if (!user.subject().empty()) {
      return absl::FailedPreconditionError(
          "the token in --admin-token-file is not valid, and no new one can be made: "
          "users/admin is a person of an identity provider");
    }
  } else {
    user.set_name(absl::StrCat("users/", kBootstrapUser));
    user.set_display_name("Administrator");
    *user.mutable_create_time() = ToProto(now);
    *user.mutable_update_time() = ToProto(now);
    user.set_etag(RandomId());
    kUsers.Save(sql, kBootstrapUser, user);
  }
  const BindingRow binding{absl::StrCat("b-", RandomId()), "", "admin", user.name(), ToMicros(now)};
  if (!FindSameBinding(sql, binding)) InsertBinding(sql, binding);
  v1::Token token;
  token.set_name(absl::StrCat(user.name(), "/tokens/", made.id));
  token.set_display_name("written at start-up");
  *token.mutable_create_time() = ToProto(now);
  InsertToken(sql, kBootstrapUser, made.id, made.hash, token);
  return absl::OkStatus();
}

// INVALID_ARGUMENT that names the flag.
absl::StatusOr<NewToken> TakeFirstToken(const std::string& path) {
  if (!std::ifstream(path)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--first-admin-token-file=", path, " cannot be read"));
  }
  absl::StatusOr<NewToken> token = TakeToken(ReadTokenFile(path));
  if (token.ok()) return token;
  return absl::InvalidArgumentError(absl::StrCat("--first-admin-token-file=", path,
                                                 " holds no token: ", token.status().message()));
}

}  // namespace

absl::Status EnsureAdmin(Database& database, const Clock& clock, const std::string& token_file) {
  ASSIGN_OR_RETURN(const bool valid, IsValid(database, clock, ReadTokenFile(token_file)));
  if (valid) return absl::OkStatus();
  const NewToken made = MakeToken();
  RETURN_IF_ERROR(
      database.Write([&](soci::session& sql) { return CreateAdmin(sql, clock.TimeNow(), made); }));
  RETURN_IF_ERROR(WriteTokenFile(token_file, made.text));
  LogInfo("wrote a token of users/admin", {{"file", token_file}, {"token_id", made.id}});
  return absl::OkStatus();
}

absl::Status EnsureFirstAdmin(Database& database, const Clock& clock,
                              const std::string& token_file) {
  const absl::StatusOr<NewToken> token = TakeFirstToken(token_file);
  if (!token.ok()) {
    // At later starts nothing hangs on it.
    bool had = false;
    RETURN_IF_ERROR(database.Read([&](soci::session& sql) {
      had = HadFirstAdmin(sql);
      return absl::OkStatus();
    }));
    if (!had) return token.status();
    LogWarning("the file of the first administrator's token is no good any more",
               {{"error", std::string(token.status().message())}});
    return absl::OkStatus();
  }
  bool made = false;
  RETURN_IF_ERROR(database.Write([&](soci::session& sql) -> absl::Status {
    made = false;
    if (HadFirstAdmin(sql)) return absl::OkStatus();
    // Whoever is at the same waits here, and then sees what was made.
    BumpGeneration(sql);
    if (HadFirstAdmin(sql)) return absl::OkStatus();
    made = true;
    return CreateAdmin(sql, clock.TimeNow(), *token);
  }));
  if (made) {
    LogInfo("users/admin has the token of --first-admin-token-file",
            {{"file", token_file}, {"token_id", token->id}});
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const bool valid, IsValid(database, clock, token->text));
  if (!valid) {
    LogWarning(
        "the token in --first-admin-token-file is not valid: it counts at the very first start "
        "alone, and changing it changes nothing; make tokens by `stackyard tokens create`",
        {{"file", token_file}, {"token_id", token->id}});
  }
  return absl::OkStatus();
}

}  // namespace stackyard::gateway
