// The demonstration provider's customers: three countries, two currencies, and every way of paying or not.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace bursar::cli {

enum class Habit {
  card,       // a saved card that works, charged automatically
  declining,  // a saved card that is declined
  by_hand,    // a bank transfer two days after the due date
  late,       // a bank transfer twelve days after it, when the service is suspended already
  never,      // pays the order and nothing after it
};

struct DemoCustomer {
  const char* name;
  const char* email;
  const char* company;
  const char* street;
  const char* city;
  const char* region;
  const char* postal_code;
  const char* country;
  const char* tax_id;
  const char* currency;
  Habit habit;
  std::vector<const char*> products;  // codes, ordered together
};
const std::vector<DemoCustomer>& demo_customers();

// Days after the due date on which the customer transfers the money; negative: never by hand.
int days_until_transfer(Habit habit);

// Everybody's, printed by `demo seed`: a demonstration has nothing to hide.
inline constexpr const char* demo_password = "correct horse demo 42";
inline constexpr const char* demo_staff_email = "staff@example.com";

// Instances of config/demo.yaml.
inline constexpr const char* demo_card_gateway = "cards";
inline constexpr const char* demo_bank_gateway = "bank";
inline constexpr const char* demo_panel = "servers";

// Method tokens of the sandbox gateway.
inline constexpr const char* demo_good_card = "tok_success";
inline constexpr const char* demo_declined_card = "tok_decline_soft";

}  // namespace bursar::cli
