"""What text messages do not arrive, where, why, and since when.

Read in this order: ``core`` (the rules: values in, values out), ``topics`` (what is on
Kafka), ``intake`` (an HTTP callback becomes a record), ``worker`` (records become rows
and counts), ``archive`` (the two Delta tables), ``warehouse`` (DuckDB over them),
``stack`` (all of it on one machine), ``cli`` (the commands).
"""

__version__ = "0.1.0"
