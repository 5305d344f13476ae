"""The Delta tables: schema, exactly-once writers, reading back."""
