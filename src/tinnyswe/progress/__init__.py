"""Pure: items, catalogue and ledger facts to states, ticks and the next lab."""
