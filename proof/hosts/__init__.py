"""Two hosts on this machine: the stack over a wire that delays, loses and is cut. See docs/two-hosts.md."""
