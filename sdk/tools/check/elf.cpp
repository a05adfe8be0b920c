#include <elf.h>

#include <fstream>
#include <iterator>

#include "check.hpp"

namespace check {
namespace {

// Copies out of the file's bytes; an offset beyond the end is a damaged file.
template <class T>
T at(const std::string& bytes, std::uint64_t offset) {
  T out;
  if (offset > bytes.size() || bytes.size() - offset < sizeof out) throw std::runtime_error("a damaged ELF file");
  std::memcpy(&out, bytes.data() + offset, sizeof out);
  return out;
}

}  // namespace

std::vector<Symbol> exported_symbols(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot be read");
  const std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (bytes.size() < sizeof(Elf64_Ehdr) || bytes.compare(0, 4, ELFMAG) != 0 || bytes[EI_CLASS] != ELFCLASS64) {
    throw std::runtime_error("is no 64-bit ELF shared library");
  }
  const auto header = at<Elf64_Ehdr>(bytes, 0);
  std::vector<Symbol> symbols;
  for (unsigned i = 0; i < header.e_shnum; ++i) {
    const auto section = at<Elf64_Shdr>(bytes, header.e_shoff + std::uint64_t{i} * sizeof(Elf64_Shdr));
    if (section.sh_type != SHT_DYNSYM) continue;
    const auto names = at<Elf64_Shdr>(bytes, header.e_shoff + std::uint64_t{section.sh_link} * sizeof(Elf64_Shdr));
    for (std::uint64_t offset = 0; offset + sizeof(Elf64_Sym) <= section.sh_size; offset += sizeof(Elf64_Sym)) {
      const auto symbol = at<Elf64_Sym>(bytes, section.sh_offset + offset);
      if (symbol.st_shndx == SHN_UNDEF || ELF64_ST_BIND(symbol.st_info) == STB_LOCAL) continue;
      const std::uint64_t name = names.sh_offset + symbol.st_name;
      const std::size_t end = name < bytes.size() ? bytes.find('\0', name) : std::string::npos;
      if (end == std::string::npos) throw std::runtime_error("a damaged ELF file");
      symbols.push_back({bytes.substr(name, end - name), ELF64_ST_BIND(symbol.st_info) == STB_GNU_UNIQUE});
    }
  }
  return symbols;
}

}  // namespace check
