#include "services/runner/provider_schema_cache.h"

#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/id.h"
#include "common/status_macros.h"
#include "services/runner/file.h"

namespace stackyard::runner {
namespace {

// The first line of a file: what it is, its digest, the size of the schemas, and whether identities
// follow them.
constexpr char kMagic[] = "stackyard-provider-schema-1";
constexpr size_t kMaxFile = 512 << 20;

std::string Encode(const ProviderSchema& schema) {
  const std::string body = schema.schemas + schema.identities.value_or("");
  return absl::StrCat(kMagic, " ", Sha256Hex(body), " ", schema.schemas.size(), " ",
                      schema.identities ? "identities" : "none", "\n", body);
}

std::shared_ptr<const ProviderSchema> Decode(const std::string& file) {
  const size_t line = file.find('\n');
  if (line == std::string::npos) return nullptr;
  const std::vector<std::string> head = absl::StrSplit(file.substr(0, line), ' ');
  const std::string body = file.substr(line + 1);
  size_t size = 0;
  if (head.size() != 4 || head[0] != kMagic || head[1] != Sha256Hex(body) ||
      !absl::SimpleAtoi(head[2], &size) || size > body.size()) {
    return nullptr;
  }
  auto schema = std::make_shared<ProviderSchema>();
  schema->schemas = body.substr(0, size);
  if (head[3] == "identities") schema->identities = body.substr(size);
  return schema;
}

}  // namespace

std::string ProviderSchemaCache::PathOf(const ProviderBinary& binary) const {
  return absl::StrCat(folder_, "/", binary.identity);
}

std::shared_ptr<const ProviderSchema> ProviderSchemaCache::Find(const ProviderBinary& binary) {
  absl::MutexLock lock(&mutex_);
  auto& known = schemas_[binary.identity];
  if (known == nullptr) {
    const auto file = ReadFile(PathOf(binary), kMaxFile);
    if (file.ok()) known = Decode(*file);
  }
  return known;
}

absl::Status ProviderSchemaCache::Keep(const ProviderBinary& binary, ProviderSchema schema) {
  const std::string file = Encode(schema);
  {
    absl::MutexLock lock(&mutex_);
    schemas_[binary.identity] = std::make_shared<const ProviderSchema>(std::move(schema));
  }
  // It appears whole or not at all.
  const std::string made = absl::StrCat(PathOf(binary), ".", RandomId());
  RETURN_IF_ERROR(MakeFolder(folder_));
  RETURN_IF_ERROR(WriteFile(made, file));
  if (rename(made.c_str(), PathOf(binary).c_str()) != 0) {
    return absl::InternalError(absl::StrCat("renaming ", made, ": ", strerror(errno)));
  }
  return absl::OkStatus();
}

}  // namespace stackyard::runner
