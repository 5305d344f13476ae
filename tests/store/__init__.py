"""The tables in an object store, over a real S3 server."""
