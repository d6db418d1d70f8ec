#include "services/stacks/row_secrets.h"

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "google/protobuf/struct.pb.h"

namespace stackyard::stacks {
namespace {

using google::protobuf::RepeatedPtrField;
using google::protobuf::Struct;
using google::protobuf::Value;

// A sealed value is an object with this one field; a sealed text begins with it and a colon.
constexpr char kSealed[] = "stackyard.sealed";

std::string PurposeOf(const std::string& uid, const std::string& parameter) {
  return absl::StrCat("parameter ", uid, " ", parameter);
}

std::string KeyPurpose(const internal::v1::ChannelRecord& record) {
  return absl::StrCat("webhook ", record.uid());
}

std::string SealText(const Sealer& sealer, std::string_view text, const std::string& purpose) {
  return absl::Base64Escape(sealer.Seal(text, purpose));
}

absl::StatusOr<std::string> OpenText(const Sealer& sealer, const std::string& text,
                                     const std::string& purpose) {
  std::string bytes;
  if (!absl::Base64Unescape(text, &bytes)) return absl::DataLossError("a sealed text is damaged");
  return sealer.Open(bytes, purpose);
}

void SealParameters(const Sealer& sealer, const std::string& uid,
                    const RepeatedPtrField<std::string>& names, Struct& parameters) {
  for (const std::string& name : names) {
    const auto found = parameters.mutable_fields()->find(name);
    if (found == parameters.mutable_fields()->end()) continue;
    Value sealed;
    (*sealed.mutable_struct_value()->mutable_fields())[kSealed].set_string_value(
        SealText(sealer, found->second.SerializeAsString(), PurposeOf(uid, name)));
    found->second = std::move(sealed);
  }
}

// Only what was sealed: others may look as if they were.
absl::Status OpenParameters(const Sealer& sealer, const std::string& uid,
                            const RepeatedPtrField<std::string>& names, Struct& parameters) {
  for (const std::string& name : names) {
    const auto at = parameters.mutable_fields()->find(name);
    if (at == parameters.mutable_fields()->end()) continue;
    Value& value = at->second;
    const auto& fields = value.struct_value().fields();
    const auto found = fields.find(kSealed);
    if (found == fields.end() || fields.size() != 1) continue;
    ASSIGN_OR_RETURN(const std::string plain,
                     OpenText(sealer, found->second.string_value(), PurposeOf(uid, name)));
    Value opened;
    if (!opened.ParseFromString(plain)) return absl::DataLossError("a sealed value is damaged");
    value = std::move(opened);
  }
  return absl::OkStatus();
}

}  // namespace

void SealSecrets(const Sealer& sealer, internal::v1::RevisionRecord& record) {
  SealParameters(sealer, record.stack_uid(), record.sensitive_parameters(),
                 *record.mutable_parameters());
}

void SealSecrets(const Sealer& sealer, internal::v1::Preview& preview) {
  SealParameters(sealer, preview.stack_uid(), preview.sensitive_parameters(),
                 *preview.mutable_parameters());
}

void SealSecrets(const Sealer& sealer, internal::v1::ChannelRecord& record) {
  if (record.channel().webhook().secret_key().empty()) return;
  std::string& key = *record.mutable_channel()->mutable_webhook()->mutable_secret_key();
  key = absl::StrCat(kSealed, ":", SealText(sealer, key, KeyPurpose(record)));
}

absl::Status OpenSecrets(const Sealer& sealer, internal::v1::RevisionRecord& record) {
  return OpenParameters(sealer, record.stack_uid(), record.sensitive_parameters(),
                        *record.mutable_parameters());
}

absl::Status OpenSecrets(const Sealer& sealer, internal::v1::Preview& preview) {
  return OpenParameters(sealer, preview.stack_uid(), preview.sensitive_parameters(),
                        *preview.mutable_parameters());
}

absl::Status OpenSecrets(const Sealer& sealer, internal::v1::ChannelRecord& record) {
  const std::string prefix = absl::StrCat(kSealed, ":");
  if (!absl::StartsWith(record.channel().webhook().secret_key(), prefix)) return absl::OkStatus();
  std::string& key = *record.mutable_channel()->mutable_webhook()->mutable_secret_key();
  ASSIGN_OR_RETURN(key, OpenText(sealer, key.substr(prefix.size()), KeyPurpose(record)));
  return absl::OkStatus();
}

}  // namespace stackyard::stacks
