"""Run folders, receipts and the ledger: written here, read back here."""
