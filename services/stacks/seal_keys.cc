#include "services/stacks/seal_keys.h"

#include <filesystem>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace stackyard::stacks {
namespace {

constexpr char kPurpose[] = "proof of key";

std::vector<std::string> ReadProofs(soci::session& sql) {
  std::vector<std::string> proofs;
  const soci::rowset<std::string> rows = (sql.prepare << "SELECT body FROM seal_keys");
  proofs.assign(rows.begin(), rows.end());
  return proofs;
}

// Whether a key of the file opens all of them.
absl::Status Check(const Sealer& sealer, const std::string& path,
                   const std::vector<std::string>& proofs) {
  for (const std::string& proof : proofs) {
    std::string bytes;
    absl::Base64Unescape(proof, &bytes);
    const auto opened = sealer.Open(bytes, kPurpose);
    if (opened.ok()) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "what is stored was ", std::string(opened.status().message()), " ", path, ": put it back"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Sealer> OpenSealer(Database& db, const std::string& path) {
  bool sealed = false;
  RETURN_IF_ERROR(db.Read([&](soci::session& sql) {
    sealed = !ReadProofs(sql).empty();
    return absl::OkStatus();
  }));
  std::error_code error;
  if (sealed && !std::filesystem::exists(path, error)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path,
                     " is missing, and what is stored was sealed with its keys: put it back, "
                     "or name its place by --seal-key-file"));
  }
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  ASSIGN_OR_RETURN(Sealer sealer, sealed ? Sealer::Read(path) : Sealer::ReadOrMake(path));
  RETURN_IF_ERROR(db.Write([&](soci::session& sql) -> absl::Status {
    // Replicas take turns, so that the second sees the key of the first.
    sql << "INSERT INTO counters (scope, value) VALUES ('sealKeys', 1) "
           "ON CONFLICT (scope) DO UPDATE SET value = counters.value + 1";
    RETURN_IF_ERROR(Check(sealer, path, ReadProofs(sql)));
    const std::string proof = sealer.Seal("stackyard", kPurpose);
    const std::string id = absl::BytesToHexString(proof.substr(4, 4));
    const std::string body = absl::Base64Escape(proof);
    sql << "INSERT INTO seal_keys (id, body) VALUES (:id, :body) ON CONFLICT (id) DO NOTHING",
        soci::use(id), soci::use(body);
    return absl::OkStatus();
  }));
  return sealer;
}

}  // namespace stackyard::stacks
