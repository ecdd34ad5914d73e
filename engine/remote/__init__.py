"""Runs elsewhere: what is posted to a site, the bridge that looks after it, the far end, and the verbs on such runs."""
