// Goal: a sealed value opens where it was written and nowhere else, and keys can be changed under it.
#include "base/vault.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace bursar {
namespace {

EncryptionKey key(char digit) { return EncryptionKey::parse(std::string(64, digit)).value(); }
const VaultPlace place("payment_methods.token", "42");

TEST(Vault, what_is_sealed_opens_again_and_shows_nothing) {
  const Vault vault({key('1')});
  for (const std::string& text : {std::string("tok_visa"), std::string("a\0b", 3), std::string(100'000, 'x')}) {
    const std::string sealed = vault.seal(place, text);
    EXPECT_EQ(sealed.find(text), std::string::npos);
    EXPECT_EQ(Vault::key_of(sealed), key('1').id());
    EXPECT_EQ(vault.open(place, sealed), text);
  }
  EXPECT_EQ(vault.seal(place, ""), "") << "nothing is no value";
}

TEST(Vault, the_same_text_is_never_sealed_alike) {
  const Vault vault({key('1')});
  EXPECT_NE(vault.seal(place, "tok_visa"), vault.seal(place, "tok_visa"));
}

TEST(Vault, a_value_does_not_open_in_another_row_or_column) {
  const Vault vault({key('1')});
  const std::string sealed = vault.seal(place, "tok_visa");
  EXPECT_THROW((void)vault.open({"payment_methods.token", "43"}, sealed), VaultError);
  EXPECT_THROW((void)vault.open({"plugin_store.value", "42"}, sealed), VaultError);
}

TEST(Vault, no_changed_byte_opens) {
  const Vault vault({key('1')});
  const std::string sealed = vault.seal(place, "tok_visa");
  for (std::size_t i = std::string_view("enc1:").size(); i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = changed[i] == 'a' ? 'b' : 'a';
    EXPECT_THROW((void)vault.open(place, changed), VaultError) << i;
    EXPECT_THROW((void)vault.open(place, sealed.substr(0, i)), VaultError) << i;
  }
}

TEST(Vault, every_key_opens_and_the_first_seals) {
  const std::string old = Vault({key('1')}).seal(place, "tok_visa");
  const Vault both({key('2'), key('1')});
  EXPECT_EQ(both.open(place, old), "tok_visa");
  EXPECT_FALSE(both.is_current(old));
  const std::string fresh = both.seal(place, "tok_visa");
  EXPECT_TRUE(both.is_current(fresh));
  EXPECT_EQ(Vault::key_of(fresh), key('2').id());
}

TEST(Vault, a_key_that_is_missing_is_named_and_nothing_is_made_up) {
  const std::string sealed = Vault({key('1')}).seal(place, "tok_visa");
  try {
    (void)Vault({key('2')}).open(place, sealed);
    FAIL() << "it opened";
  } catch (const VaultError& error) {
    EXPECT_NE(std::string(error.what()).find(key('1').id()), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("database.encryption_keys"), std::string::npos) << error.what();
  }
  EXPECT_THROW((void)Vault().open(place, sealed), VaultError);
}

// A customer chooses what a token says; none can be taken for a mark of ours.
TEST(Vault, without_a_key_any_text_comes_back_as_it_was) {
  const std::string sealed = Vault({key('1')}).seal(place, "x");
  for (const std::string& text : {std::string("tok_visa"), sealed, std::string("enc1:"), std::string("clear:x")}) {
    const std::string stored = Vault().seal(place, text);
    EXPECT_EQ(Vault().open(place, stored), text);
    EXPECT_EQ(Vault({key('1')}).open(place, stored), text) << "also once there is a key";
    EXPECT_TRUE(Vault().is_current(stored));
    EXPECT_FALSE(Vault({key('1')}).is_current(stored));
  }
}

TEST(Vault, a_text_is_found_by_what_stands_beside_it_under_any_key_or_none) {
  const Vault old({key('1')}), both({key('2'), key('1')}), none;
  const auto finds = [](const Vault& vault, const std::string& stored) {
    const auto forms = vault.lookups("payment_methods.token", "tok_visa");
    return std::find(forms.begin(), forms.end(), stored) != forms.end();
  };
  for (const Vault* written_by : {&old, &both, &none}) {
    EXPECT_TRUE(finds(both, written_by->lookup("payment_methods.token", "tok_visa")));
    EXPECT_FALSE(finds(both, written_by->lookup("payment_methods.token", "tok_other")));
  }
  EXPECT_EQ(both.lookup("payment_methods.token", "tok_visa").find("tok_visa"), std::string::npos);
  EXPECT_NE(both.lookup("payment_methods.token", "x"), both.lookup("plugin_store.value", "x"));
}

TEST(EncryptionKey, made_ones_differ_and_read_back) {
  std::set<std::string> ids;
  for (int i = 0; i < 20; ++i) {
    const Secret text = EncryptionKey::make();
    ids.insert(EncryptionKey::parse(text.reveal()).value().id());
  }
  EXPECT_EQ(ids.size(), 20U);
}

TEST(EncryptionKey, a_malformed_one_is_refused_without_being_repeated) {
  for (const std::string& text : {std::string(), std::string(63, 'a'), std::string(65, 'a'), std::string(63, 'a') + "g",
                                  std::string(62, 'a') + "\n\n", std::string(32, 'a') + " " + std::string(31, 'a')}) {
    const auto parsed = EncryptionKey::parse(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.error().detail.find("aaaa"), std::string::npos);
  }
}

}  // namespace
}  // namespace bursar
