"""The pure core: what iTIP and iMIP say, as functions from values to values."""
