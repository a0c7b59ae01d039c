"""The long-lived process behind `tinny up`: warm pool, page, socket. Its content arrives with the page."""
