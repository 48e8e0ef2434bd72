"""Agreements: the register, one agreement, signing, and the public check of a document."""
