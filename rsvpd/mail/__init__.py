"""The wires: imap and smtp, each the only importer of its library."""
