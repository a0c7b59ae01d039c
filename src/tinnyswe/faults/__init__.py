"""Faults done to the network and to processes while learner code runs. Takes sockets and pids, knows no engine."""
