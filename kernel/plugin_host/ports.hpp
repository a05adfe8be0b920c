// The domain ports over one loaded instance each. Every request is copied into a frame that the call owns, so that a
// call which is left behind keeps what it works on.
#pragma once

#include <memory>

#include "inbox/webhook.hpp"
#include "notices/channel.hpp"
#include "payments/gateway.hpp"
#include "plugin_host/host.hpp"
#include "plugin_host/instance.hpp"
#include "provisioning/panel.hpp"

namespace bursar::plugin_host {

std::unique_ptr<payments::Gateway> make_gateway(std::shared_ptr<Instance> instance);
std::unique_ptr<provisioning::Panel> make_panel(std::shared_ptr<Instance> instance);
std::unique_ptr<notices::Channel> make_channel(std::shared_ptr<Instance> instance);
std::unique_ptr<inbox::Webhook> make_webhook(std::shared_ptr<Instance> instance, const Clock& clock);
ConnectionTest test_connection_of(Instance& instance);

}  // namespace bursar::plugin_host
