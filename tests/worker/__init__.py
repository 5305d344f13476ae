"""The worker's parts on real tables, without a broker."""
