#include "settings/document.hpp"

#include <gtest/gtest.h>

namespace bursar::settings {
namespace {

std::string fault(const std::string& yaml) {
  const auto document = read_document(yaml, "f.yaml");
  if (document.ok()) return "";
  std::string out;
  for (const auto& field : document.error().fields) out += field.pointer + ": " + field.detail + "\n";
  return out;
}

TEST(Document, RemembersPlacesAndQuotes) {
  const auto document = read_document("a: 1\nb:\n  - 'x'\n  - y\n", "f.yaml");
  ASSERT_TRUE(document.ok());
  EXPECT_EQ(document->find("a")->place, (Place{1, 4}));
  EXPECT_FALSE(document->find("a")->quoted);
  EXPECT_EQ(document->find("b")->items[0].place, (Place{3, 5}));
  EXPECT_TRUE(document->find("b")->items[0].quoted);
  EXPECT_EQ(document->find("c"), nullptr);
}

TEST(Document, AcceptsByteOrderMarkAndCarriageReturns) {
  const auto document = read_document(
      "\xEF\xBB\xBF"
      "a: 1\r\nb: two\r\n",
      "f.yaml");
  ASSERT_TRUE(document.ok());
  EXPECT_EQ(document->find("a")->place, (Place{1, 4}));
  EXPECT_EQ(document->find("b")->text, "two");
}

TEST(Document, RefusesAKeyThatStandsTwiceAndNamesBothLines) {
  EXPECT_EQ(fault("a: 1\nb: 2\na: 3\n"),
            "f.yaml:3:1: \"a\" stands here a second time, first in line 1; keep one of them\n");
}

TEST(Document, TellsEveryRepeatedKey) {
  EXPECT_EQ(fault("a: 1\na: 2\nb: 1\nb: 2\n"),
            "f.yaml:2:1: \"a\" stands here a second time, first in line 1; keep one of them\n"
            "f.yaml:4:1: \"b\" stands here a second time, first in line 3; keep one of them\n");
}

TEST(Document, NamesTheTabInTheIndentation) {
  EXPECT_EQ(fault("a:\n\tb: 1\n"), "f.yaml:2:1: a tab in the indentation; indent with spaces\n");
}

TEST(Document, NamesTheNulByte) {
  EXPECT_EQ(fault(std::string("a: x\0y\n", 7)), "f.yaml:1:5: a NUL byte; the file is damaged or not text\n");
}

TEST(Document, RefusesWhatIsNotUtf8) {
  EXPECT_NE(fault("a: \xFF\n").find("f.yaml:1:4: a byte that is not UTF-8"), std::string::npos);
  EXPECT_NE(fault("a: \xC0\xAF\n").find("not UTF-8"), std::string::npos);      // overlong
  EXPECT_NE(fault("a: \xED\xA0\x80\n").find("not UTF-8"), std::string::npos);  // surrogate
  EXPECT_NE(fault(std::string("\xFF\xFE"
                              "a\0",
                              4))
                .find("UTF-16"),
            std::string::npos);
  EXPECT_EQ(fault("a: Zürich €\n"), "");
}

TEST(Document, EndsAnAliasBombAtOnce) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i <= 9; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) bomb += (j == 0 ? "" : ", ") + before;
    bomb += "]\n";
  }
  EXPECT_NE(fault(bomb).find("more than 20000 values"), std::string::npos);
}

TEST(Document, RefusesAnAliasOfWhatItStandsIn) {
  EXPECT_NE(fault("a: &a [*a]\n").find("inside of what it names"), std::string::npos);
}

TEST(Document, EndsDeepNestingAtOnce) {
  EXPECT_NE(fault("a: " + std::string(40, '[') + std::string(40, ']')).find("nested more than 32 deep"),
            std::string::npos);
  std::string block;
  for (int i = 0; i < 100'000; ++i) block += "- ";
  EXPECT_NE(fault(block).find("f.yaml:1:"), std::string::npos);
  EXPECT_NE(fault(std::string(100'000, '[')).find("f.yaml:1:"), std::string::npos);
  EXPECT_NE(fault("a: " + std::string(100'000, '{')).find("f.yaml:1:"), std::string::npos);
}

TEST(Document, RefusesAFileThatIsTooLarge) {
  EXPECT_NE(fault(std::string(1024 * 1024 + 1, ' ')).find("larger than"), std::string::npos);
}

TEST(Document, RefusesTagsSecondDocumentsAndKeysThatAreNotText) {
  EXPECT_NE(fault("a: !!binary aGk=\n").find("f.yaml:1:"), std::string::npos);
  EXPECT_NE(fault("a: 1\n---\nb: 2\n").find("more than one YAML document"), std::string::npos);
  EXPECT_NE(fault("? [a, b]\n: 1\n").find("a key must be plain text"), std::string::npos);
}

TEST(Document, PlacesFaultsOfSyntax) {
  EXPECT_EQ(fault("a: [1, 2\n").substr(0, 7), "f.yaml:");
  EXPECT_EQ(fault("a: b: c\n").substr(0, 9), "f.yaml:1:");
}

}  // namespace
}  // namespace bursar::settings
