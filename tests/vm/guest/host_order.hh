// SPDX-License-Identifier: GPL-2.0
// Orders to the harness from a program in the machine: what host() of lib.sh is for scripts.
#ifndef DMR_VM_HOST_ORDER_HH
#define DMR_VM_HOST_ORDER_HH

#include <string>

namespace dm_remap::vm {

// As in lib.sh: "bad main 100:8 write medium". Waits until it is done; from any thread. False: why not is in *answer.
bool order_host(const std::string &order, std::string *answer = nullptr);

} // namespace dm_remap::vm

#endif
