// Makes archives for tests, good and bad ones.
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace stackyard::stacks {

struct Member {
  std::string path;
  std::string content;
  // AE_IFREG, AE_IFDIR, AE_IFLNK, AE_IFIFO, AE_IFCHR.
  unsigned type = AE_IFREG;
  std::string hardlink;
};

inline std::string MakeTar(const std::vector<Member>& members, bool gzip = true) {
  std::string bytes;
  archive* writer = archive_write_new();
  archive_write_set_format_pax_restricted(writer);
  if (gzip) archive_write_add_filter_gzip(writer);
  const auto append = [](archive*, void* target, const void* data, size_t size) -> la_ssize_t {
    static_cast<std::string*>(target)->append(static_cast<const char*>(data), size);
    return static_cast<la_ssize_t>(size);
  };
  EXPECT_EQ(archive_write_open(writer, &bytes, nullptr, append, nullptr), ARCHIVE_OK);
  for (const Member& member : members) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, member.path.c_str());
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_filetype(entry, member.type);
    if (member.type == AE_IFLNK) archive_entry_set_symlink(entry, member.content.c_str());
    const bool file = member.type == AE_IFREG && member.hardlink.empty();
    if (!member.hardlink.empty()) archive_entry_set_hardlink(entry, member.hardlink.c_str());
    archive_entry_set_size(entry, file ? static_cast<la_int64_t>(member.content.size()) : 0);
    EXPECT_EQ(archive_write_header(writer, entry), ARCHIVE_OK) << member.path;
    if (file) archive_write_data(writer, member.content.data(), member.content.size());
    archive_entry_free(entry);
  }
  EXPECT_EQ(archive_write_close(writer), ARCHIVE_OK);
  archive_write_free(writer);
  return bytes;
}

}  // namespace stackyard::stacks
