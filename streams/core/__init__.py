"""The rules: values in, values out. No Kafka, HTTP, file, database or clock."""
