"""The two Delta tables: schema, exactly-once writers, reading back."""
